/* The steps of `orsino check`, told as they end: a line each, or an object of JSON. */
#ifndef ORSINO_CLI_STEPS_H
#define ORSINO_CLI_STEPS_H

#include "conf/account.h"

#include <stdbool.h>

enum step_result {
    STEP_OK,
    STEP_WARNING,
    STEP_FAILED,
};

struct steps {
    bool json, colour;
    bool is_watched; /* by a person, at a terminal */
    bool is_silent;  /* tells only what fails */
    size_t count;    /* told so far */
    int64_t began;   /* clock_ms() of the step under way */
};

/* Nothing is told yet. Colour and JSON exclude each other. */
void steps_begin(struct steps *s, bool json);

/* The time of the next step counts from now. */
void steps_start(struct steps *s);

/* The next step is called so: shown on a terminal for as long as it is under way. */
void steps_expect(const struct steps *s, const char *name);

/* A step has ended so; the next one starts. */
void steps_tell(struct steps *s, enum step_result result, const char *name, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* It has failed for this reason, to which the cure is added. */
void steps_fail(struct steps *s, const char *name, const struct status *why,
                const struct account *account);

/* After the last one. */
void steps_end(struct steps *s);

#endif
