#include "deliver/deliver.h"

#include "deliver/courier.h"

enum code deliver(const struct account *account, const struct submission *submission,
                  const struct deadline *patience, const struct watcher *watcher,
                  struct outcome *outcome, struct status *why)
{
    struct courier *courier = NULL;
    enum code code;

    if (courier_open(account, &courier, why)) {
        for (size_t i = 0; i < submission->envelope->forward_count; i++)
            outcome->recipients[i] = *why;
        return why->code;
    }
    courier_be_patient(courier, patience);
    courier_watch(courier, watcher);
    code = courier_send(courier, submission, outcome, why);
    courier_close(courier);
    return code;
}
