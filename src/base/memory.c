#include "base/memory.h"

#include <stdlib.h>

bool memory_suffices(size_t n)
{
    void *volatile room = malloc(n); /* else a compiler may leave out both malloc and free */
    bool had = room != NULL;

    free(room);
    return had;
}
