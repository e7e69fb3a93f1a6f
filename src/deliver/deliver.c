#include "deliver/deliver.h"

#include "deliver/courier.h"

enum code deliver(const struct account *account, const struct submission *submission,
                  struct outcome *outcome, struct status *why)
{
    struct courier *courier = NULL;
    enum code code = courier_open(account, &courier, why);

    if (code == CODE_OK)
        code = courier_send(courier, submission, outcome, why);
    else
        for (size_t i = 0; i < submission->envelope->forward_count; i++)
            outcome->recipients[i] = *why;
    courier_close(courier);
    return code;
}
