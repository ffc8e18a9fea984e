/*
 * The server of random numbers: what the processor's RDSEED gives, or its RDRAND (SDM 1, 7.3.17).
 * Without either, every request is refused, and that is said once.
 */
#include <stdio.h>
#include <string.h>

#include "random_protocol.h"
#include "service.h"

#define RETRIES      10u /* of RDRAND, after which it is broken (SDM 1, 7.3.17.1); */
#define SEED_RETRIES 100u
#define BYTES_MAX    4096u /* of one request: others wait meanwhile */

static bool has_seed, has_random;

#define LEAF1_ECX_RDRAND (1u << 30)
#define LEAF7_EBX_RDSEED (1u << 18)

struct cpuid {
    uint32_t eax, ebx, ecx, edx;
};

static struct cpuid cpuid(uint32_t leaf)
{
    struct cpuid r;

    __asm__ volatile("cpuid"
                     : "=a"(r.eax), "=b"(r.ebx), "=c"(r.ecx), "=d"(r.edx)
                     : "a"(leaf), "c"(0));
    return r;
}

static void sources_find(void)
{
    has_seed = cpuid(0).eax >= 7 && cpuid(7).ebx & LEAF7_EBX_RDSEED;
    has_random = cpuid(1).ecx & LEAF1_ECX_RDRAND;
}

/* Both say by the carry flag whether there was a number. */
static bool seed_read(uint64_t *word)
{
    bool done;

    __asm__ volatile("rdseed %0; setc %1" : "=r"(*word), "=qm"(done) : : "cc");
    return done;
}

static bool random_read(uint64_t *word)
{
    bool done;

    __asm__ volatile("rdrand %0; setc %1" : "=r"(*word), "=qm"(done) : : "cc");
    return done;
}

static bool word_make(uint64_t *word)
{
    for (unsigned i = 0; has_seed && i < SEED_RETRIES; i++)
        if (seed_read(word))
            return true;
    for (unsigned i = 0; has_random && i < RETRIES; i++)
        if (random_read(word))
            return true;
    return false;
}

static bool bytes_make(char *to, uint64_t size)
{
    for (uint64_t done = 0; done < size; done += sizeof(uint64_t)) {
        uint64_t word;
        if (!word_make(&word))
            return false;
        memcpy(to + done, &word, size - done < sizeof(word) ? size - done : sizeof(word));
    }
    return true;
}

static enum random_status handle(const struct service *s, uint32_t client, struct session_entry *e)
{
    uint64_t size = e->word[1];
    char *to = service_data(s, client, e->word[0], size);

    e->word[0] = 0;
    if (e->operation != RANDOM_BYTES || !to || size > BYTES_MAX)
        return RANDOM_BAD_REQUEST;
    if (!bytes_make(to, size))
        return RANDOM_NO_SOURCE;
    e->word[0] = size;
    return RANDOM_DONE;
}

int main(void)
{
    static struct service service;
    struct session_entry entry;
    uint32_t client;

    sources_find();
    if (!has_seed && !has_random)
        fprintf(stderr, "error: this processor has no RDSEED and no RDRAND: there are no random "
                        "numbers\n");
    service_open(&service, ENVIRONMENT->cpu, (struct utcb *)PROCESS_UTCB, RANDOM_VERSION);
    for (;;) {
        if (service_wait(&service, &client, &entry, 0) != SERVICE_REQUEST)
            continue;
        entry.operation = handle(&service, client, &entry);
        (void)service_reply(&service, client, &entry);
    }
}
