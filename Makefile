# p2pdi: GNU make, one file, no recursion into directories.
#
#   make V=1                      show the commands
#   make CC=clang CFLAGS=-O3      another compiler, further flags (appended to ours)
#   make VARIANT=asan             into build/asan/; variants: release asan ubsan tsan cover fuzz
#   make check T=unit/test_buf    one test, or several in quotes
#
# Targets that a user types (check, demo, asan ...) first install what is missing and then call this
# file again, because what is probed below (flags, libraries) may not exist before that.

VERSION := 0.1.0

PREFIX  ?= /usr/local
BINDIR  ?= $(PREFIX)/bin
MANDIR  ?= $(PREFIX)/share/man
BASHDIR ?= $(PREFIX)/share/bash-completion/completions
ZSHDIR  ?= $(PREFIX)/share/zsh/site-functions
FISHDIR ?= $(PREFIX)/share/fish/vendor_completions.d
UNITDIR ?= $(PREFIX)/lib/systemd/system
DOCDIR  ?= $(PREFIX)/share/doc/p2pdi

VARIANT   ?= release
BUILD     ?= build/$(VARIANT)
T         ?=
TEST_JOBS ?= 2
FUZZ_S    ?= 60

SHELL       := /bin/sh
MAKEFLAGS   += --no-builtin-rules
.SUFFIXES:
.DELETE_ON_ERROR:
.DEFAULT_GOAL := all

Q := $(if $(filter 1,$(V)),,@)
say = $(if $(filter 1,$(V)),,@printf '  %-7s %s\n' '$(1)' '$(2)';)
# Jobs for the second make: as many as there are cores, unless the user said -j.
JOBS = $(if $(findstring -j,$(MAKEFLAGS)),,-j$(shell getconf _NPROCESSORS_ONLN))
AGAIN = --no-print-directory $(JOBS)

# --- files ----------------------------------------------------------------------------------------

MAIN_C     := $(wildcard src/cli/main.c)
LIB_C      := $(filter-out src/cli/main.c,$(sort $(wildcard src/*/*.c)))
TEST_DIRS  := unit sim dialogue tui integration torture
TEST_C     := $(sort $(foreach d,$(TEST_DIRS),$(wildcard tests/$(d)/test_*.c)))
# Programs that scripts of tests/torture run as $BUILD/tests/torture/tool_<name>.
TOOL_C     := $(sort $(wildcard tests/torture/tool_*.c))
# Anything else in those directories is a helper, linked with every test and tool.
SHOT_C     := tests/tui/screenshot.c
HELPER_C   := $(filter-out $(TEST_C) $(TOOL_C) $(SHOT_C),$(sort $(foreach d,$(TEST_DIRS) support,$(wildcard tests/$(d)/*.c))))
FUZZ_C     := $(sort $(wildcard tests/fuzz/fuzz_*.c))
BENCH_C    := $(sort $(wildcard tests/bench/bench_*.c))
ALL_C      := $(MAIN_C) $(LIB_C) $(TEST_C) $(TOOL_C) $(SHOT_C) $(HELPER_C) $(FUZZ_C) $(BENCH_C) $(wildcard tests/fuzz/replay.c)
PUBLIC_H    = $(sort $(wildcard include/p2pdi/*.h include/p2pdi/*/*.h))
FORMATTED   = $(shell find include src tests -name '*.[ch]' 2>/dev/null | sort)
SCRIPTS     = $(shell grep -rlE '^\#!.*\b(ba)?sh$$' .ci contrib tests --exclude-dir=corpus 2>/dev/null | sort)

LIB        := $(BUILD)/libp2pdi.a
HELPERS    := $(if $(HELPER_C),$(BUILD)/libhelpers.a)
PROGRAM    := $(if $(MAIN_C),$(BUILD)/p2pdi)
TEST_BIN   := $(TEST_C:%.c=$(BUILD)/%)
TOOL_BIN   := $(TOOL_C:%.c=$(BUILD)/%)
FUZZ_BIN   := $(FUZZ_C:%.c=$(BUILD)/%)
BENCH_BIN  := $(BENCH_C:%.c=$(BUILD)/%)
# The rows of docs/RELIABILITY.md, by the names that T takes.
ROWS       := $(sort $(patsubst tests/torture/test_%,%,$(basename $(wildcard tests/torture/test_*.c tests/torture/test_*.sh))))
SOAK_ROWS  := $(filter soak_%,$(ROWS))

obj = $(patsubst %.c,$(BUILD)/%.o,$(1))

# --- flags ----------------------------------------------------------------------------------------

# What compiler and libraries offer is asked once and kept; `make distclean` asks again. The targets
# listed here do not compile, or call make again when everything is installed.
NO_CONFIG := help deps clean distclean format dist uninstall demo check asan ubsan tsan cover bench \
             fuzz lint bench-% screenshot torture soak mutate
CONFIG := build/config-$(subst /,_,$(subst $() ,_,$(CC))).mk
ifneq ($(if $(MAKECMDGOALS),$(filter-out $(NO_CONFIG),$(MAKECMDGOALS)),all),)
include $(CONFIG)
endif

WARN := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wstrict-prototypes \
        -Wmissing-prototypes -Wold-style-definition -Wwrite-strings -Wformat=2 -Wvla -Wundef \
        -Wcast-align -Wcast-qual -Wpointer-arith -Wredundant-decls \
        $(if $(filter 1,$(WERROR)),-Werror)

OPT_release := -O2 -g
OPT_asan    := -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all
OPT_ubsan   := -O1 -g -fno-omit-frame-pointer -fsanitize=undefined -fno-sanitize-recover=all
OPT_tsan    := -O1 -g -fno-omit-frame-pointer -fsanitize=thread
OPT_cover   := -O0 -g --coverage -fprofile-update=atomic -DCOVERAGE
OPT_fuzz    := -O1 -g -fno-omit-frame-pointer -fsanitize=fuzzer-no-link,address,undefined \
               -fno-sanitize-recover=all
OPT         := $(OPT_$(VARIANT))
ifeq ($(OPT),)
$(error there is no VARIANT=$(VARIANT); there are: release asan ubsan tsan cover fuzz)
endif

# Hardening belongs to what is installed; sanitizers bring their own checks and dislike ours. -O0
# from the user turns _FORTIFY_SOURCE off, since glibc warns about the pair.
HARDEN    := -fPIE
HARDEN_LD := -pie
ifeq ($(VARIANT),release)
HARDEN    += $(CONF_HARDEN) $(if $(filter -O0,$(CFLAGS)),,$(CONF_FORTIFY))
HARDEN_LD += -Wl,-z,relro,-z,now -Wl,--as-needed
endif

OUR_CPPFLAGS = -Iinclude -D_GNU_SOURCE -DP2PDI_VERSION=\"$(VERSION)\" $(CONF_CPPFLAGS) $(CPPFLAGS)
OUR_CFLAGS   = -std=c17 -pthread $(OPT) $(WARN) $(CONF_WARN) $(HARDEN) $(CFLAGS)
OUR_LDFLAGS  = -pthread $(OPT) $(HARDEN_LD) $(LDFLAGS)
COMPILE      = $(CC) $(OUR_CPPFLAGS) $(OUR_CFLAGS)
LINK         = $(CC) $(OUR_LDFLAGS)

# --- what a user types ----------------------------------------------------------------------------

.PHONY: all run demo check torture soak mutate bench bench-swarm bench-serve bench-mirror bench-rest bench-rate bench-table bench-sim fuzz asan tsan ubsan cover lint format install uninstall dist clean \
        distclean deps help screenshot

all: program ## build ./p2pdi (the default)

run: all ## a peer with its dashboard: ./p2pdi peer
	$(Q)./p2pdi peer

demo: ## install what is missing, build, and show the whole system on this machine
	$(Q)contrib/deps build
	$(Q)$(MAKE) $(AGAIN) all
	$(Q)./p2pdi demo

check: ## install what is missing, build, and run all tests (T=unit/test_buf: one)
	$(Q)contrib/deps build test
	$(Q)$(MAKE) $(AGAIN) run-tests

torture: ## what must hold under faults, in full: hours (T=kill_peer: one; SEED=7: again)
	$(Q)contrib/deps build test
	$(Q)FULL=1 $(MAKE) $(AGAIN) run-tests TEST_JOBS=1 T='$(addprefix torture/test_,$(or $(T),$(filter-out $(SOAK_ROWS),$(ROWS))))'

soak: ## starts and stops, a million requests, a thousand peers that come back, in full
	$(Q)contrib/deps build test
	$(Q)FULL=1 $(MAKE) $(AGAIN) run-tests TEST_JOBS=1 T='$(addprefix torture/test_,$(or $(T),$(SOAK_ROWS)))'

asan: ## all tests under AddressSanitizer and UndefinedBehaviorSanitizer
	$(Q)$(MAKE) $(AGAIN) VARIANT=asan check

tsan: ## all tests under ThreadSanitizer
	$(Q)$(MAKE) $(AGAIN) VARIANT=tsan check

ubsan: ## all tests under UndefinedBehaviorSanitizer alone
	$(Q)$(MAKE) $(AGAIN) VARIANT=ubsan check

cover: ## all tests, then line and branch coverage
	$(Q)contrib/deps build test cover
	$(Q)find build/cover -name '*.gcda' -delete 2>/dev/null || true
	$(Q)$(MAKE) $(AGAIN) VARIANT=cover run-tests
	$(Q)$(MAKE) $(AGAIN) VARIANT=cover print-coverage

mutate: ## change the sources at N=300 places, one at a time: do the tests notice? (SEED=7: again)
	$(Q)contrib/deps build test mutate
	$(Q)$(MAKE) $(AGAIN) program tests
	$(Q)tests/torture/mutate $(BUILD) -n $(or $(N),300) $(if $(SEED),--seed $(SEED)) $(ARGS)

bench: ## measure beside nginx, curl, rsync and others, in short (bench-swarm -serve -mirror -rest -rate -sim: one; -table: all)
	$(Q)contrib/deps build test bench
	$(Q)$(MAKE) $(AGAIN) run-bench

# One of them, as long as it takes: make bench-swarm ARGS='--set 60 --with rsync-z'
bench-swarm bench-serve bench-mirror bench-rest bench-rate:
	$(Q)contrib/deps build test bench
	$(Q)$(MAKE) $(AGAIN) all
	$(Q)P2PDI='$(CURDIR)/p2pdi' tests/bench/$(subst -,_,$@).sh $(ARGS)

# What the simulator predicts, beside the lab: make bench-sim ARGS='--most 1000'
bench-sim:
	$(Q)contrib/deps build test
	$(Q)$(MAKE) $(AGAIN) all build/release/tests/sim/test_pipes
	$(Q)P2PDI='$(CURDIR)/p2pdi' tests/bench/bench_sim.sh $(ARGS)

bench-table:
	$(Q)contrib/deps build test bench
	$(Q)$(MAKE) $(AGAIN) all
	$(Q)P2PDI='$(CURDIR)/p2pdi' tests/bench/swarm_table.sh $(ARGS)

fuzz: ## fuzz every parser for FUZZ_S=60 seconds each (T=fuzz/fuzz_head: one)
	$(Q)contrib/deps build fuzz
	$(Q)$(MAKE) $(AGAIN) CC=clang VARIANT=fuzz run-fuzz

lint: ## formatting, static analysis, include directions, shell scripts
	$(Q)contrib/deps build test lint
	$(Q)$(MAKE) $(AGAIN) run-lint

format: ## rewrite the sources as .clang-format wants them
	$(Q)contrib/deps lint
	$(Q)clang-format -i $(FORMATTED)

screenshot: ## docs/screenshot.svg, taken from the real program
	$(Q)contrib/deps build test
	$(Q)$(MAKE) $(AGAIN) all $(BUILD)/tests/tui/screenshot
	$(Q)P2PDI='$(CURDIR)/p2pdi' SCREENSHOT='$(BUILD)/tests/tui/screenshot' tests/tui/screenshot.sh

deps: ## install compiler, libraries and tools that are missing
	$(Q)contrib/deps build test

install: all ## into $(DESTDIR)$(PREFIX)
	$(Q)test -x p2pdi || { echo 'make install: ./p2pdi was not built' >&2; exit 1; }
	install -d '$(DESTDIR)$(BINDIR)' '$(DESTDIR)$(DOCDIR)' '$(DESTDIR)$(UNITDIR)'
	install -m 755 p2pdi '$(DESTDIR)$(BINDIR)/p2pdi'
	install -m 644 LICENSE CHANGELOG.md $(wildcard README.md docs/*.md) '$(DESTDIR)$(DOCDIR)'
	for u in contrib/systemd/*.service; do \
	    sed 's|@BINDIR@|$(BINDIR)|g' "$$u" >'$(DESTDIR)$(UNITDIR)'/"$${u##*/}" || exit 1; \
	    chmod 644 '$(DESTDIR)$(UNITDIR)'/"$${u##*/}"; \
	done
	install -d '$(DESTDIR)$(MANDIR)/man1' '$(DESTDIR)$(BASHDIR)' '$(DESTDIR)$(ZSHDIR)' '$(DESTDIR)$(FISHDIR)'
	./p2pdi man >'$(DESTDIR)$(MANDIR)/man1/p2pdi.1'
	./p2pdi completion bash >'$(DESTDIR)$(BASHDIR)/p2pdi'
	./p2pdi completion zsh >'$(DESTDIR)$(ZSHDIR)/_p2pdi'
	./p2pdi completion fish >'$(DESTDIR)$(FISHDIR)/p2pdi.fish'

uninstall: ## take away what install put there
	rm -f '$(DESTDIR)$(BINDIR)/p2pdi'
	rm -rf '$(DESTDIR)$(DOCDIR)'
	for u in contrib/systemd/*.service; do rm -f '$(DESTDIR)$(UNITDIR)'/"$${u##*/}"; done
	rm -f '$(DESTDIR)$(MANDIR)/man1/p2pdi.1' '$(DESTDIR)$(BASHDIR)/p2pdi' \
	    '$(DESTDIR)$(ZSHDIR)/_p2pdi' '$(DESTDIR)$(FISHDIR)/p2pdi.fish'

dist: ## build/p2pdi-$(VERSION).tar.gz from the last commit
	$(Q)mkdir -p build
	$(Q)git archive --format=tar --prefix=p2pdi-$(VERSION)/ HEAD | gzip -9n >build/p2pdi-$(VERSION).tar.gz
	@echo build/p2pdi-$(VERSION).tar.gz

clean: ## remove objects and programs
	rm -rf $(filter-out build/config-%,$(wildcard build/*)) p2pdi

distclean: ## remove everything that was not in the tarball
	rm -rf build p2pdi

help: ## this list
	@echo 'usage: make [TARGET] [V=1] [CC=clang] [VARIANT=asan] [CFLAGS=...] [PREFIX=/usr/local]'
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  \1|\2/p' $(firstword $(MAKEFILE_LIST)) \
	    | sed 's|$$(VERSION)|$(VERSION)|' | awk -F'|' '{ printf "%-12s %s\n", $$1, $$2 }'

# --- the second call, with everything installed ---------------------------------------------------

.PHONY: program objects tests run-tests run-bench run-fuzz run-lint print-coverage FORCE

program: $(LIB) $(PROGRAM) $(if $(and $(PROGRAM),$(filter build/release,$(BUILD))),p2pdi)
	$(if $(PROGRAM),,@echo 'no src/cli/main.c yet: only $(LIB) was built')

objects: $(call obj,$(ALL_C)) ## compile everything, link nothing
tests: $(TEST_BIN) $(TOOL_BIN) $(FUZZ_BIN)

# With T, only what it names is built, so that a half-written test elsewhere is not in the way. The
# program is there for tests that run it.
WANTED = $(if $(T),$(filter $(addprefix $(BUILD)/tests/,$(T)),$(TEST_BIN) $(FUZZ_BIN)),$(TEST_BIN) $(FUZZ_BIN))
WANTED += $(if $(T),$(if $(filter torture/%,$(T)),$(TOOL_BIN)),$(TOOL_BIN))
NEEDS_PROGRAM = $(if $(T),$(filter-out unit/% sim/% fuzz/% layers,$(T)),yes)
run-tests: $(WANTED) $(if $(NEEDS_PROGRAM),program)
	$(Q)V='$(V)' TEST_JOBS='$(TEST_JOBS)' tests/run $(VARIANT) $(BUILD) $(T)

# A benchmark that lacks something (77) is left out; it has said what.
run-bench: all $(BENCH_BIN)
	$(Q)run() { echo; "$$@" || test $$? -eq 77; }; \
	P2PDI='$(CURDIR)/p2pdi'; export P2PDI; cd tests/bench && \
	run ./swarm_table.sh --again --rounds 3 --only t1-60,t2-60,t1-600,t2-600 && \
	run ./bench_serve.sh 3 1 && run ./bench_mirror.sh 3 && run ./bench_rest.sh 3 5 && \
	for b in $(BENCH_BIN); do run '$(CURDIR)/'$$b || exit 1; done

# What is found goes below build/; worth keeping: copy it to tests/fuzz/corpus/<name>/.
run-fuzz: $(FUZZ_BIN)
	$(Q)set -- $(filter $(if $(T),$(addprefix $(BUILD)/tests/,$(T)),%),$(FUZZ_BIN)); \
	test $$# -gt 0 || { echo 'make fuzz: no such target in tests/fuzz' >&2; exit 1; }; \
	for f; do \
	    name=$${f##*/fuzz_}; seed=tests/fuzz/corpus/$$name; \
	    mkdir -p build/fuzz/corpus/$$name build/fuzz/crashes; \
	    test -d $$seed || seed=; \
	    echo "== fuzz_$$name, $(FUZZ_S) s"; \
	    $$f -max_total_time=$(FUZZ_S) -timeout=10 -rss_limit_mb=1024 -print_final_stats=1 \
	        -artifact_prefix=build/fuzz/crashes/$$name- build/fuzz/corpus/$$name $$seed \
	        || { echo "found by fuzz_$$name: see build/fuzz/crashes/" >&2; exit 1; }; \
	done

run-lint: format-lint header-lint tidy-lint cppcheck-lint shell-lint layers-lint

.PHONY: format-lint header-lint tidy-lint cppcheck-lint shell-lint layers-lint
format-lint:
	$(call say,FORMAT,$(words $(FORMATTED)) files)
	$(Q)$(if $(FORMATTED),clang-format --dry-run -Werror $(FORMATTED))
# Every public header stands alone.
header-lint:
	$(call say,HEADERS,$(words $(PUBLIC_H)) files)
	$(Q)for h in $(PUBLIC_H:include/%=%); do \
	    echo "#include <$$h>" | $(COMPILE) -Werror -fsyntax-only -x c - || exit 1; \
	done
tidy-lint:
	$(call say,TIDY,$(words $(MAIN_C) $(LIB_C)) files)
	$(Q)printf '%s\n' $(MAIN_C) $(LIB_C) | xargs -r -n 1 -P $$(getconf _NPROCESSORS_ONLN) sh -c \
	    'o=$$(clang-tidy --quiet "$$0" -- -std=c17 $(OUR_CPPFLAGS) 2>&1) \
	     || { printf "%s\n" "$$o"; exit 1; }'
# Of the system's headers it sees those that are nothing but macros.
cppcheck-lint:
	$(call say,CPPCHECK,$(words $(MAIN_C) $(LIB_C)) files)
	$(Q)mkdir -p build/cppcheck; for h in uthash.h utlist.h; do \
	    echo "#include <$$h>" | $(COMPILE) -M -x c - | tr ' ' '\n' | grep "/$$h$$" \
	        | xargs -I '{}' ln -sf '{}' build/cppcheck/; \
	done
	$(Q)cppcheck --quiet --error-exitcode=1 --std=c11 --enable=warning,performance,portability \
	    --inline-suppr --suppress=missingIncludeSystem --suppress='*:build/cppcheck/*' \
	    -j $$(getconf _NPROCESSORS_ONLN) -Ibuild/cppcheck $(OUR_CPPFLAGS) src
shell-lint:
	$(call say,SHELL,$(words $(SCRIPTS)) scripts)
	$(Q)shellcheck $(SCRIPTS)
layers-lint:
	$(call say,LAYERS,include src)
	$(Q)tests/layers

# Left out: asserts, which are there for the impossible, and what the macros of uthash and utlist consist
# of, which is not ours. A program that is killed while it writes its counts leaves lines that do not parse.
print-coverage:
	$(Q)gcovr --root . --filter 'src/' --exclude-unreachable-branches --exclude-throw-branches \
	    --exclude-branches-by-pattern '^\s*(assert|HASH_[A-Z_]+|DL_[A-Z0-9_]+|LL_[A-Z]+) ?\(' \
	    --gcov-ignore-parse-errors \
	    --object-directory $(BUILD) --html-details $(BUILD)/coverage.html --txt - \
	    --print-summary $(BUILD)
	@echo 'by line: $(BUILD)/coverage.html'

# --- rules ----------------------------------------------------------------------------------------

.SECONDARY:

$(CONFIG): Makefile contrib/probe contrib/deps
	$(Q)contrib/deps --check build
	$(Q)mkdir -p $(@D)
	$(Q)contrib/probe $(CC) >$@

# Rewritten only when the commands change; then everything is compiled again.
$(BUILD)/commands: FORCE
	$(Q)mkdir -p $(@D); printf '%s\n' '$(subst ','\'',$(COMPILE))' '$(subst ','\'',$(LINK) $(CONF_LIBS))' >$@.new; \
	if cmp -s $@.new $@; then rm $@.new; else mv $@.new $@; fi

$(BUILD)/%.o: %.c $(BUILD)/commands
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(COMPILE) -MMD -MP -c -o $@ $<

$(LIB): $(call obj,$(LIB_C)) $(BUILD)/commands
	$(call say,AR,$@)
	$(Q)rm -f $@; ar rcs $@ $(filter %.o,$^)

$(BUILD)/libhelpers.a: $(call obj,$(HELPER_C))
	$(call say,AR,$@)
	$(Q)rm -f $@; ar rcs $@ $^

$(BUILD)/p2pdi: $(call obj,$(MAIN_C)) $(LIB)
	$(call say,LINK,$@)
	$(Q)$(LINK) -o $@ $(filter %.o %.a,$^) $(CONF_LIBS) $(LDLIBS)

p2pdi: $(BUILD)/p2pdi
	$(Q)cp -f $< $@.new && mv -f $@.new $@

# A test that replaces functions says so in a line of its own: /* ld: -Wl,--wrap=malloc */
$(BUILD)/tests/%: $(BUILD)/tests/%.o $(HELPERS) $(LIB)
	$(call say,LINK,$@)
	$(Q)$(LINK) -o $@ $(filter %.o,$^) $$(sed -n 's|^/\* ld: \(.*\) \*/$$|\1|p' tests/$*.c) \
	    $(HELPERS) $(LIB) $(CONF_TEST_LIBS) $(CONF_LIBS) $(LDLIBS)

# libFuzzer brings its own main; elsewhere the stored corpus is replayed.
ifeq ($(VARIANT),fuzz)
FUZZ_MAIN := -fsanitize=fuzzer
else
FUZZ_MAIN := $(BUILD)/tests/fuzz/replay.o
endif
$(FUZZ_BIN): $(BUILD)/tests/fuzz/%: $(BUILD)/tests/fuzz/%.o $(filter %.o,$(FUZZ_MAIN)) $(LIB)
	$(call say,LINK,$@)
	$(Q)$(LINK) -o $@ $< $(FUZZ_MAIN) $(LIB) $(CONF_LIBS) $(LDLIBS)

-include $(patsubst %.c,$(BUILD)/%.d,$(ALL_C))
