/*
 * What of the platform cannot be found out otherwise. dsdt.c is this, compiled; the unit test of
 * the tables compiles it anew and compares. Addresses and lines are those of the devices' headers.
 */
DefinitionBlock ("", "DSDT", 2, "CAIRN", "CAIRNPC", 1)
{
    Name (\_S5, Package () {5, 5, 0, 0})
    Name (PICM, 0)

    // 0: the guest uses the PICs, 1: the I/O APIC
    Method (\_PIC, 1, NotSerialized)
    {
        PICM = Arg0
    }

    Scope (\_SB)
    {
        Device (PCI0)
        {
            Name (_HID, EisaId ("PNP0A03"))
            Name (_BBN, 0)
            Name (_UID, 0)
            Name (_CRS, ResourceTemplate ()
            {
                WordBusNumber (ResourceProducer, MinFixed, MaxFixed, PosDecode,
                    0, 0, 0, 0, 1)
                IO (Decode16, 0xcf8, 0xcf8, 1, 8)
                WordIO (ResourceProducer, MinFixed, MaxFixed, PosDecode, EntireRange,
                    0, 0xc000, 0xcfff, 0, 0x1000)
                DWordMemory (ResourceProducer, PosDecode, MinFixed, MaxFixed, NonCacheable,
                    ReadWrite, 0, 0xd0000000, 0xdfffffff, 0, 0x10000000)
            })

            // INTA of device n is wire n % 4: GSI 16 to 19, or IRQ 10, 11, 10, 11. Functions other
            // than 0, which could have the other pins, are not there.
            Name (APIC, Package ()
            {
                Package () {0x0001ffff, 0, 0, 17},
                Package () {0x0002ffff, 0, 0, 18},
                Package () {0x0003ffff, 0, 0, 19},
                Package () {0x0004ffff, 0, 0, 16},
                Package () {0x0005ffff, 0, 0, 17},
                Package () {0x0006ffff, 0, 0, 18},
                Package () {0x0007ffff, 0, 0, 19},
                Package () {0x0008ffff, 0, 0, 16},
                Package () {0x0009ffff, 0, 0, 17},
                Package () {0x000affff, 0, 0, 18},
                Package () {0x000bffff, 0, 0, 19},
                Package () {0x000cffff, 0, 0, 16},
                Package () {0x000dffff, 0, 0, 17},
                Package () {0x000effff, 0, 0, 18},
                Package () {0x000fffff, 0, 0, 19},
                Package () {0x0010ffff, 0, 0, 16},
                Package () {0x0011ffff, 0, 0, 17},
                Package () {0x0012ffff, 0, 0, 18},
                Package () {0x0013ffff, 0, 0, 19},
                Package () {0x0014ffff, 0, 0, 16},
                Package () {0x0015ffff, 0, 0, 17},
                Package () {0x0016ffff, 0, 0, 18},
                Package () {0x0017ffff, 0, 0, 19},
                Package () {0x0018ffff, 0, 0, 16},
                Package () {0x0019ffff, 0, 0, 17},
                Package () {0x001affff, 0, 0, 18},
                Package () {0x001bffff, 0, 0, 19},
                Package () {0x001cffff, 0, 0, 16},
                Package () {0x001dffff, 0, 0, 17},
                Package () {0x001effff, 0, 0, 18},
                Package () {0x001fffff, 0, 0, 19}
            })
            Name (PICS, Package ()
            {
                Package () {0x0001ffff, 0, 0, 11},
                Package () {0x0002ffff, 0, 0, 10},
                Package () {0x0003ffff, 0, 0, 11},
                Package () {0x0004ffff, 0, 0, 10},
                Package () {0x0005ffff, 0, 0, 11},
                Package () {0x0006ffff, 0, 0, 10},
                Package () {0x0007ffff, 0, 0, 11},
                Package () {0x0008ffff, 0, 0, 10},
                Package () {0x0009ffff, 0, 0, 11},
                Package () {0x000affff, 0, 0, 10},
                Package () {0x000bffff, 0, 0, 11},
                Package () {0x000cffff, 0, 0, 10},
                Package () {0x000dffff, 0, 0, 11},
                Package () {0x000effff, 0, 0, 10},
                Package () {0x000fffff, 0, 0, 11},
                Package () {0x0010ffff, 0, 0, 10},
                Package () {0x0011ffff, 0, 0, 11},
                Package () {0x0012ffff, 0, 0, 10},
                Package () {0x0013ffff, 0, 0, 11},
                Package () {0x0014ffff, 0, 0, 10},
                Package () {0x0015ffff, 0, 0, 11},
                Package () {0x0016ffff, 0, 0, 10},
                Package () {0x0017ffff, 0, 0, 11},
                Package () {0x0018ffff, 0, 0, 10},
                Package () {0x0019ffff, 0, 0, 11},
                Package () {0x001affff, 0, 0, 10},
                Package () {0x001bffff, 0, 0, 11},
                Package () {0x001cffff, 0, 0, 10},
                Package () {0x001dffff, 0, 0, 11},
                Package () {0x001effff, 0, 0, 10},
                Package () {0x001fffff, 0, 0, 11}
            })
            Method (_PRT, 0, NotSerialized)
            {
                If (PICM)
                {
                    Return (APIC)
                }
                Return (PICS)
            }
        }

        // Registers that belong to no other device: nothing else may be put there.
        Device (BRD)
        {
            Name (_HID, EisaId ("PNP0C02"))
            Name (_CRS, ResourceTemplate ()
            {
                IO (Decode16, 0x92, 0x92, 1, 1)
                IO (Decode16, 0x4d0, 0x4d0, 1, 2)
                IO (Decode16, 0x600, 0x600, 1, 0x0c)
                Memory32Fixed (ReadWrite, 0xe0000000, 0x10000000)
            })
        }

        Device (COM1)
        {
            Name (_HID, EisaId ("PNP0501"))
            Name (_UID, 1)
            Name (_CRS, ResourceTemplate ()
            {
                IO (Decode16, 0x3f8, 0x3f8, 1, 8)
                IRQNoFlags () {4}
            })
        }

        Device (RTC)
        {
            Name (_HID, EisaId ("PNP0B00"))
            Name (_CRS, ResourceTemplate ()
            {
                IO (Decode16, 0x70, 0x70, 1, 2)
                IRQNoFlags () {8}
            })
        }

        Device (KBD)
        {
            Name (_HID, EisaId ("PNP0303"))
            Name (_CRS, ResourceTemplate ()
            {
                IO (Decode16, 0x60, 0x60, 1, 1)
                IO (Decode16, 0x64, 0x64, 1, 1)
                IRQNoFlags () {1}
            })
        }

        // The keyboard controller's second port. Nothing is plugged into it.
        Device (MOU)
        {
            Name (_HID, EisaId ("PNP0F13"))
            Name (_CRS, ResourceTemplate ()
            {
                IRQNoFlags () {12}
            })
        }

        Device (HPET)
        {
            Name (_HID, EisaId ("PNP0103"))
            Name (_CRS, ResourceTemplate ()
            {
                Memory32Fixed (ReadWrite, 0xfed00000, 0x400)
            })
        }
    }
}
