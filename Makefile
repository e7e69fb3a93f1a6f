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
# The sanitizers bring checks of their own, which those of libc would hide.
ifeq ($(SANITIZE),1)
BUILD = build/sanitize
HARDEN = -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
endif
ifeq ($(WERROR),1)
WARNINGS += -Werror
endif
# The libraries are linked statically, so that the installed file needs libc alone.
LIBS = -Wl,-Bstatic -lbearssl -liniparser -lcrypt -lresolv -Wl,-Bdynamic
# AddressSanitizer puts a crypt_r of its own in front, which looks for the one of a shared library.
ifeq ($(SANITIZE),1)
EXTRA = $(BUILD)/secure.o
LIBS = -Wl,-Bstatic -lbearssl -liniparser -Wl,-Bdynamic -lcrypt -lresolv
endif
ifeq ($(SHARED),1)
BUILD = build/shared
LIBS = -lbearssl -liniparser -lcrypt -lresolv
endif
STANDARD = -std=c11 -D_GNU_SOURCE -Isrc -I/usr/include/iniparser
COMPILE = $(CC) $(STANDARD) $(WARNINGS) $(HARDEN) -fPIE $(CPPFLAGS) $(CFLAGS) -MMD -MP
LINK = $(CC) $(CFLAGS) $(HARDEN) -pie -Wl,-z,relro,-z,now $(LDFLAGS)

SOURCES = $(wildcard src/*/*.c)
OBJECTS = $(SOURCES:src/%.c=$(BUILD)/%.o)
UNITS = $(patsubst tests/unit/%.c,$(BUILD)/unit/%,$(wildcard tests/unit/test_*.c))
FUZZERS = $(patsubst tests/fuzz/fuzz_%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
C_FILES = $(wildcard src/*.c src/*/*.[ch] tests/*/*.[ch])
SCRIPTS = install.sh .ci/run $(wildcard etc/openrc/* etc/procd/*)

all: $(BUILD)/orsino

help:
	@echo 'make            build/orsino'
	@echo 'make demo       send two messages to a local server and show what arrived'
	@echo 'make check      all tests; SANITIZE=1: under AddressSanitizer and UBSan'
	@echo 'make check-callers  PHP, cron, git and other real callers, as root'
	@echo 'make lint       clang-format, cppcheck, shellcheck, mandoc'
	@echo 'make fuzz       each fuzz target for TIME=60 seconds'
	@echo 'make bench      memory, instructions, round trips'
	@echo 'make install    PREFIX=/usr/local, DESTDIR; links and removal: ./install.sh --help'
	@echo 'variables       SHARED=1 shared libraries, WERROR=1 warnings are errors, CC, CFLAGS, LDFLAGS'

$(BUILD)/orsino: $(BUILD)/main.o $(BUILD)/liborsino.a $(EXTRA)
	$(LINK) -o $@ $^ $(LIBS)

$(BUILD)/liborsino.a: $(OBJECTS)
	@rm -f $@
	$(AR) rcs $@ $^

$(BUILD)/%.o: src/%.c
	@mkdir -p $(@D)
	$(COMPILE) -c -o $@ $<

$(BUILD)/unit/%: tests/unit/%.c $(BUILD)/liborsino.a
	@mkdir -p $(@D)
	$(COMPILE) -Itests/unit -c -o $@.o $<
	$(LINK) -o $@ $@.o $(BUILD)/liborsino.a $(LIBS) -lcmocka

$(BUILD)/secure.o: tests/fault/secure.c
	@mkdir -p $(@D)
	$(COMPILE) -c -o $@ $<

$(BUILD)/fail.so: tests/fault/fail.c
	@mkdir -p $(@D)
	$(CC) $(STANDARD) $(WARNINGS) $(CFLAGS) -fPIC -shared -o $@ $< -ldl

$(BUILD)/crash: tests/fault/crash.c
	@mkdir -p $(@D)
	$(CC) $(STANDARD) $(WARNINGS) $(CFLAGS) -o $@ $<

deps:
	@./install.sh --deps

check: deps
	@$(MAKE) --no-print-directory all unit fail
	@for script in style manual_keys manual_options manual_providers; do \
	    tests/$$script --self-test && tests/$$script || exit 1; done
	ORSINO=$(BUILD)/orsino $(PYTHON) -m pytest -q -p no:cacheprovider tests/e2e

# The programs of Debian that call sendmail, in an overlay of this machine; root only.
check-callers: deps
	@$(MAKE) --no-print-directory all
	@tests/callers/run --check
	@ORSINO=$(BUILD)/orsino tests/callers/run

unit: $(UNITS)
	@for test in $(UNITS); do $$test >$(BUILD)/unit.log 2>&1 || { cat $(BUILD)/unit.log; exit 1; }; \
	    tail -n 1 $(BUILD)/unit.log | sed "s,^,$${test##*/}: ,"; done

fail: $(BUILD)/fail.so $(BUILD)/crash

demo: deps
	@$(MAKE) --no-print-directory -s all
	@ORSINO=$(BUILD)/orsino $(PYTHON) tests/demo.py

lint: deps
	clang-format --dry-run -Werror $(C_FILES)
	cppcheck --quiet --error-exitcode=1 --enable=warning,performance,portability --inline-suppr \
	    --suppress=missingIncludeSystem --std=c11 -D_GNU_SOURCE -Isrc src
	shellcheck $(SCRIPTS)
	mandoc -Tlint -Wwarning man/*

# All but the targets is compiled once.
FUZZ = $(CLANG) $(STANDARD) -g -O1 -fno-sanitize-recover=all -MMD -MP
FUZZ_OBJECTS = $(SOURCES:src/%.c=$(BUILD)/fuzz/src/%.o)

$(BUILD)/fuzz/src/%.o: src/%.c
	@mkdir -p $(@D)
	$(FUZZ) -fsanitize=fuzzer-no-link,address,undefined -c -o $@ $<

$(BUILD)/fuzz/%: tests/fuzz/fuzz_%.c $(FUZZ_OBJECTS)
	$(FUZZ) -fsanitize=fuzzer,address,undefined -o $@ $< $(FUZZ_OBJECTS) $(LIBS)

fuzz: $(FUZZERS:%=$(BUILD)/fuzz/%)
	@for target in $(FUZZERS); do mkdir -p $(BUILD)/fuzz/$$target.corpus; echo "fuzzing $$target for $(TIME) s"; \
	    $(BUILD)/fuzz/$$target -max_total_time=$(TIME) -timeout=10 -rss_limit_mb=2048 -verbosity=0 -print_final_stats=1 \
	    -artifact_prefix=$(BUILD)/fuzz/$$target- $(BUILD)/fuzz/$$target.corpus tests/fuzz/seeds/$$target \
	    >$(BUILD)/fuzz/$$target.log 2>&1 || { tail -n 60 $(BUILD)/fuzz/$$target.log; exit 1; }; \
	    sed -n 's/^stat::number_of_executed_units: */  runs: /p' $(BUILD)/fuzz/$$target.log; done

bench: all
	ORSINO=$(BUILD)/orsino tests/bench/run

install: all
	BUILD=$(BUILD) ./install.sh --no-sendmail --prefix '$(PREFIX)' --destdir '$(DESTDIR)'

uninstall:
	./install.sh --uninstall --no-sendmail --prefix '$(PREFIX)' --destdir '$(DESTDIR)'

clean:
	rm -rf build

.PHONY: all help deps check check-callers unit fail demo lint fuzz bench install uninstall clean
.SECONDARY:
-include $(OBJECTS:.o=.d) $(BUILD)/main.d $(UNITS:=.d) $(FUZZ_OBJECTS:.o=.d)
