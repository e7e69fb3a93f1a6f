/* THE table of cures: what to change so that a failure does not come again. */
#ifndef ORSINO_DELIVER_HINT_H
#define ORSINO_DELIVER_HINT_H

#include "base/status.h"
#include "conf/account.h"

/*
 * The cure for a failure under an account (NULL when none is known): the first row of the table
 * that fits code, stage, reply, words of the reply and settings. Appends its sentence; false when
 * no row fits.
 */
bool hint_for(const struct status *st, const struct account *account, struct buf *out);

#endif
