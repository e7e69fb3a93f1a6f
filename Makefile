# orsino. GNU make. `make help` lists what can be made; config.mk, if there is one, may set any of the variables.
-include config.mk
CC ?= cc
CFLAGS ?= -O2 -g
PREFIX ?= /usr/local
PYTHON ?= /usr/bin/python3
CLANG ?= clang
TIME ?= 60

WARNINGS = -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wmissing-prototypes -Wvla
HARDEN = -D_FORTIFY_SOURCE=2 -fstack-protector-strong
BUILD = build
ifeq ($(SANITIZE),1) # AddressSanitizer brings its own checks, which those of libc would hide
BUILD = build/sanitize
HARDEN = -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
endif
ifeq ($(WERROR),1)
WARNINGS += -Werror
endif
# The libraries are linked statically, so that the installed file needs libc alone.
LIBS = -Wl,-Bstatic -lbearssl -liniparser -Wl,-Bdynamic
ifeq ($(SHARED),1)
LIBS = -lbearssl -liniparser
endif
COMPILE = $(CC) -std=c11 -D_GNU_SOURCE -Isrc -I/usr/include/iniparser $(WARNINGS) $(HARDEN) -fPIE $(CPPFLAGS) $(CFLAGS) -MMD -MP
LINK = $(CC) $(CFLAGS) $(HARDEN) -pie -Wl,-z,relro,-z,now $(LDFLAGS)

OBJECTS = $(patsubst src/%.c,$(BUILD)/%.o,$(wildcard src/*/*.c))
UNITS = $(patsubst tests/unit/%.c,$(BUILD)/unit/%,$(wildcard tests/unit/test_*.c))
FUZZERS = $(patsubst tests/fuzz/%.c,$(BUILD)/fuzz/%,$(wildcard tests/fuzz/fuzz_*.c))

all: $(BUILD)/orsino

$(BUILD)/orsino: $(BUILD)/main.o $(BUILD)/liborsino.a
	$(LINK) -o $@ $^ $(LIBS)

$(BUILD)/liborsino.a: $(OBJECTS)
	rm -f $@ && $(AR) rcs $@ $^

$(BUILD)/%.o: src/%.c
	@mkdir -p $(@D)
	$(COMPILE) -c -o $@ $<

$(BUILD)/unit/%: tests/unit/%.c $(BUILD)/liborsino.a
	@mkdir -p $(@D)
	$(COMPILE) -Itests/unit -c -o $@.o $<
	$(LINK) -o $@ $@.o $(BUILD)/liborsino.a $(LIBS) -lcmocka

-include $(OBJECTS:.o=.d) $(BUILD)/main.d $(UNITS:=.d)
