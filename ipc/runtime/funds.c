/* Deposits are made front to back and taken back in the opposite order, so offset goes back too. */
#include "funds.h"

#define FRAME 4096u

enum status funds_deposit(struct funds *f, uint64_t frames)
{
    uint64_t size = frames * FRAME;
    uint32_t selector;

    if (f->deposits == FUNDS_DEPOSITS || frames > (f->end - f->offset) / FRAME)
        return STATUS_NEEDS_FRAMES;
    selector = selectors_take(f->selectors, 1);
    if (selector == SELECTOR_NONE)
        return STATUS_NEEDS_FRAMES;

    enum status status = memory_create(selector, f->bank, f->memory, f->offset, size, 0).status;
    if (status == STATUS_SUCCESS) {
        status = pool_deposit(f->pool, selector);
        if (status == STATUS_SUCCESS) {
            f->deposit[f->deposits++] = selector;
            f->offset += size;
            return STATUS_SUCCESS;
        }
        (void)object_destroy(selector);
    }
    selectors_give(f->selectors, selector, 1);
    return status;
}

bool funds_add(struct funds *f, const struct answer *answer)
{
    return answer->status == STATUS_NEEDS_FRAMES && answer->value > 0 &&
           funds_deposit(f, answer->value) == STATUS_SUCCESS;
}

enum status funds_close(struct funds *f)
{
    while (f->deposits > 0) {
        uint32_t selector = f->deposit[f->deposits - 1];
        enum status status = pool_withdraw(f->pool, selector);

        if (status != STATUS_SUCCESS)
            return status;
        status = object_destroy(selector);
        if (status != STATUS_SUCCESS)
            return status;
        selectors_give(f->selectors, selector, 1);
        f->deposits--;
    }
    return STATUS_SUCCESS;
}
