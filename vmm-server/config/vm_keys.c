/* The table, and what it says in words. */
#include "vm_keys.h"

#include "text.h"

static const char *const boots[] = {"linux", "pvh", "multiboot", "firmware", NULL};
static const char *const agains[] = {"restart", "stop", NULL};
static const char *const truths[] = {"no", "yes", NULL};

#define AT(field)   .offset = offsetof(struct vm_config, field)
#define ROOM(field) .most = sizeof(((struct vm_config *)0)->field)

/* In the order of enum vm_key_number. */
static const struct vm_key vm_keys[VM_KEY_COUNT] = {
    {"name", VM_TYPE_NAME, NULL, "unique among the VMs that run", ROOM(name), AT(name)},
    {"memory", VM_TYPE_SIZE, "256M", "RAM of the guest", VM_MEMORY_UNIT, 1ull << 36, AT(memory)},
    {"vcpus", VM_TYPE_NUMBER, "1", "virtual CPUs", 1, 8, .built = 1, AT(vcpus)},
    {"boot", VM_TYPE_CHOICE, "linux", "boot protocol of the kernel", .built = 3, .words = boots,
     AT(boot)},
    {"kernel", VM_TYPE_TEXT, NULL, "file with the kernel", 1, ROOM(kernel), AT(kernel)},
    {"initrd", VM_TYPE_TEXT, "", "file with the first file system; not with multiboot",
     ROOM(initrd), AT(initrd)},
    {"cmdline", VM_TYPE_TEXT, "", "command line of the kernel", ROOM(cmdline), AT(cmdline)},
    {"module", VM_TYPE_MODULE, "", "file and arguments, in order; not with linux", AT(module)},
    {"priority", VM_TYPE_NUMBER, "16", "of its VCPUs; services have 50 and more", 1, 49,
     AT(priority)},
    {"cpu_share", VM_TYPE_NUMBER, "0", "percent of its CPU that it has at most; 0: no limit", 0,
     100, AT(cpu_share)},
    {"on_reset", VM_TYPE_CHOICE, "restart", "when the guest resets its machine", .words = agains,
     AT(on_reset)},
    {"on_crash", VM_TYPE_CHOICE, "stop", "when the guest cannot go on, or its VMM died",
     .words = agains, AT(on_crash)},
};

static const struct vm_key disk_keys[] = {
    {"image", VM_TYPE_TEXT, "", "file with the disk; this or partition", .most = VM_PATH},
    {"partition", VM_TYPE_TEXT, "", "GPT partition of the machine's disk", .most = VM_PATH},
    {"readonly", VM_TYPE_CHOICE, "no", "the guest cannot write it", .words = truths},
    {"snapshot", VM_TYPE_CHOICE, "no", "what the guest writes is gone after the run",
     .words = truths},
};

static const struct vm_key net_keys[] = {
    {"switch", VM_TYPE_NAME, NULL, "the switch that it is plugged into", .most = VM_NAME},
    {"mac", VM_TYPE_TEXT, "", "Ethernet address; one is made from the VM's name", .most = 18},
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

const struct vm_section vm_sections[VM_SECTIONS] = {
    {"vm", "the virtual machine", false, true, COUNT(vm_keys), vm_keys},
    {"disk", "a disk", true, false, COUNT(disk_keys), disk_keys},
    {"net", "a network card", true, false, COUNT(net_keys), net_keys},
    {"testdev", "a device by which tests raise interrupt lines", false, true, 0, NULL},
};

/* 256M, 64G: in the largest unit that divides it. */
static size_t size_words(char *text, size_t size, uint64_t bytes)
{
    if (bytes && bytes % (1ull << 30) == 0)
        return text_format(text, size, "%luG", bytes >> 30);
    return text_format(text, size, "%luM", bytes >> 20);
}

static void choice_words(const struct vm_key *key, char *text, size_t size)
{
    uint64_t count = 0, at = 0;

    while (key->words[count] && !(key->built && count == key->built))
        count++;
    for (uint64_t i = 0; i < count; i++)
        at += text_format(text + at, size - at, "%s%s",
                          i == 0 ? "" : (i + 1 == count ? " or " : ", "), key->words[i]);
}

void vm_key_expected(const struct vm_key *key, char *text, size_t size)
{
    uint64_t most = key->built ? key->built : key->most, at;

    switch (key->type) {
    case VM_TYPE_NAME:
        text_format(text, size, "letters, digits, '.', '_', '-', at most %lu", key->most - 1);
        break;
    case VM_TYPE_SIZE:
        at = size_words(text, size, key->least);
        at += text_format(text + at, size - at, " to ");
        at += size_words(text + at, size - at, key->most);
        at += text_format(text + at, size - at, ", a multiple of ");
        size_words(text + at, size - at, VM_MEMORY_UNIT);
        break;
    case VM_TYPE_NUMBER:
        if (key->least == most)
            text_format(text, size, "%lu", most);
        else
            text_format(text, size, "%lu to %lu", key->least, most);
        break;
    case VM_TYPE_CHOICE:
        choice_words(key, text, size);
        break;
    case VM_TYPE_TEXT:
        text_format(text, size, key->least ? "text, 1 to %lu bytes" : "text, at most %lu bytes",
                    key->most - 1);
        break;
    case VM_TYPE_MODULE:
        text_format(text, size, "FILE [ARGUMENTS], at most %lu times", (unsigned long)VM_MODULES);
        break;
    }
}
