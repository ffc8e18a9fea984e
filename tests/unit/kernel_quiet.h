/*
 * A machine with one CPU that keeps no translations, for tests that are about something else. It
 * counts the frames in the frame map.
 */
#pragma once

#ifndef SHOOT_MODEL
#define SHOOT_MODEL
#endif

#include "address_space.h"
#include "mem.h"
#include "shoot.h"

static int quiet_frames; /* in the frame map */

uint32_t shoot_this_cpu(void)
{
    return 0;
}

void shoot_cr3_load(uint64_t value)
{
    (void)value;
}

void shoot_page_invalidate(uint64_t address)
{
    (void)address;
}

void shoot_everything_invalidate(void)
{
}

void cpu_interrupt(uint32_t cpu)
{
    (void)cpu;
}

void space_left(void)
{
}

void shoot_pause(void)
{
}

void quiesce(void)
{
}

void frame_map_add(hpa_t frame)
{
    (void)frame;
    quiet_frames++;
}

void frame_map_remove(hpa_t frame)
{
    (void)frame;
    quiet_frames--;
}
