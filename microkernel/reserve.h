/*
 * The frames that the kernel takes for itself at boot (ipc/abi/handoff.h, reserve_index). They are
 * handed out in order and never come back; what is left when boot is over returns to the machine.
 */
#ifndef CAIRN_RESERVE_H
#define CAIRN_RESERVE_H

#include "boot_info.h"
#include "types.h"

/* Takes over the range memory[0]; memory[1] is the empty range behind it that gets the rest. */
void reserve_open(struct boot_memory memory[2]);

/* One zeroed frame. Stops the kernel when the reserve is used up: HANDOFF_RESERVE_FRAMES errs. */
hpa_t reserve_take(void);

/* Frames taken so far. */
hpa_t reserve_base(void);
uint64_t reserve_taken(void);

/* Gives back what is left; reserve_take must not follow. */
void reserve_close(void);

/*
 * Where the kernel reaches one of its frames: one to one while it is on the loader's page tables,
 * in the frame map from frames_move_to_map on.
 */
void *frame_pointer(hpa_t frame);
void frames_move_to_map(void);

#endif
