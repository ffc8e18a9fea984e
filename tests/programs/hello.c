/* The smallest program there is: its size is what a server costs at least. */
#include <stdio.h>

int main(void)
{
    puts("hello");
    return 0;
}
