#include "net/name.h"

#include <arpa/inet.h>
#include <string.h>

static bool is_graphic(const char *text, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)text[i] <= 0x20 || text[i] == 0x7f)
            return false;
    return true;
}

/* An IPv6 address may have a scope, "fe80::1%eth0", of which a certificate knows nothing. */
static void read_address(struct server_name *name)
{
    char plain[SERVER_NAME_ROOM];

    memcpy(plain, name->text, sizeof plain);
    plain[strcspn(plain, "%")] = 0;
    if (inet_pton(AF_INET, name->text, name->address) == 1)
        name->address_length = 4;
    else if (inet_pton(AF_INET6, plain, name->address) == 1)
        name->address_length = 16;
}

bool server_name_read(const char *host, struct server_name *name)
{
    size_t n = strlen(host);

    *name = (struct server_name){ .address_length = 0 };
    if (n >= 2 && host[0] == '[' && host[n - 1] == ']') {
        host++;
        n -= 2;
    } else if (n >= 2 && host[n - 1] == '.') {
        n--;
    }
    if (n == 0 || n >= sizeof name->text || !is_graphic(host, n))
        return false;
    memcpy(name->text, host, n);
    read_address(name);
    return true;
}
