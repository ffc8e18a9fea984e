#include "records.h"

void records_open(struct records *r)
{
    *r = (struct records){.first = 1};
}

static void copy_in(struct records *r, const void *from, uint32_t size)
{
    const char *bytes = from;

    for (uint32_t i = 0; i < size; i++)
        r->byte[r->end++ % LOG_KEPT] = bytes[i];
}

static void copy_out(const struct records *r, uint64_t at, void *to, uint32_t size)
{
    char *bytes = to;

    for (uint32_t i = 0; i < size; i++)
        bytes[i] = r->byte[(at + i) % LOG_KEPT];
}

static uint64_t length_at(const struct records *r, uint64_t at)
{
    struct record head;

    copy_out(r, at, &head, sizeof(head));
    return sizeof(head) + head.size;
}

uint64_t records_add(struct records *r, struct record *head, const char *text)
{
    while (r->end - r->begin + sizeof(*head) + head->size > LOG_KEPT) {
        r->begin += length_at(r, r->begin);
        r->first++;
    }
    head->number = ++r->last;
    head->name[RECORDS_NAME] = 0;
    copy_in(r, head, sizeof(*head));
    copy_in(r, text, head->size);
    return head->number;
}

bool records_get(const struct records *r, uint64_t number, struct record *head, char *text)
{
    uint64_t at = r->begin;

    number = number ? number : r->first;
    if (number < r->first || number > r->last)
        return false;
    for (uint64_t n = r->first; n < number; n++)
        at += length_at(r, at);
    copy_out(r, at, head, sizeof(*head));
    copy_out(r, at + sizeof(*head), text, head->size);
    return true;
}

bool records_next(const struct records *r, struct records_at *at, struct record *head, char *text)
{
    if (at->number < r->first)
        *at = (struct records_at){r->first, r->begin};
    if (at->number > r->last)
        return false;
    copy_out(r, at->place, head, sizeof(*head));
    copy_out(r, at->place + sizeof(*head), text, head->size);
    at->place += sizeof(*head) + head->size;
    at->number++;
    return true;
}
