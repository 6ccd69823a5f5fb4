/*
 * Documents of an RFC's shape, out of a seed: page layout, sections, paragraphs of plausible text,
 * field diagrams. Integers only, so that every machine makes the same bytes. Pure.
 */
#include "p2pdi/base/random.h"
#include "p2pdi/lab/lab.h"
#include "words.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#define TEXT_WIDTH 72
#define PAGE_HEAD 3  /* header and two blank lines */
#define PAGE_BODY 52 /* header and footer make it 58 */
#define DOC_BYTES_MAX (4u << 20)
#define MARK_SECTION '\1' /* at a line's start in the body: a heading for the table of contents */

struct document {
    struct prng p;
    uint32_t number;
    char title[64];
    char author[32];
    char month[24];
    struct buf body; /* lines, each ended by \n */
    size_t body_lines;
};

/*
 * One draw a statement: the order in which a call's arguments are evaluated is the compiler's, and
 * the bytes would be too.
 */
static const char *pick(struct prng *p, const char *const *words, size_t count)
{
    return words[prng_below(p, count)];
}

#define PICK(p, words) pick((p), (words), sizeof(words) / sizeof((words)[0]))

/* Words early in a list come more often, as in any language: the smaller of two draws. */
static const char *pick_early(struct prng *p, const char *const *words, size_t count)
{
    uint64_t a = prng_below(p, count), b = prng_below(p, count);

    return words[a < b ? a : b];
}

#define PICK_EARLY(p, words) pick_early((p), (words), sizeof(words) / sizeof((words)[0]))

/*
 * Sizes of real RFCs are about log-normal: median 45 KB, a tenth below 16, a tenth above 125.
 * Between these points sizes are spread evenly.
 */
static uint64_t draw_size(struct prng *p)
{
    static const struct {
        uint64_t permille, bytes;
    } points[] = {{0, 6000},     {50, 12100},   {100, 16100},  {200, 23000},  {300, 29600},
                  {400, 36700},  {500, 45000},  {600, 55100},  {700, 68500},  {800, 88200},
                  {900, 125400}, {950, 167800}, {990, 289000}, {1000, 490000}};
    uint64_t at = prng_below(p, 1000);
    size_t i = 1;

    while (points[i].permille <= at)
        i++;

    uint64_t low = points[i - 1].bytes, high = points[i].bytes;

    return low + prng_below(p, high - low);
}

static void add_line(struct document *d, const char *text)
{
    buf_append_str(&d->body, text);
    buf_append_char(&d->body, '\n');
    d->body_lines++;
}

/* Words set in lines of TEXT_WIDTH, all but the first line indented by hang. */
struct paragraph {
    struct document *d;
    char line[TEXT_WIDTH + 1];
    size_t used, hang;
};

static void paragraph_begin(struct paragraph *g, struct document *d, const char *lead, size_t hang)
{
    *g = (struct paragraph){.d = d, .hang = hang};
    g->used = strlen(lead);
    memcpy(g->line, lead, g->used + 1);
}

static void paragraph_word(struct paragraph *g, const char *word)
{
    size_t n = strlen(word);
    bool starts_line = g->used == 0 || g->line[g->used - 1] == ' ';

    if (!starts_line && g->used + 1 + n > TEXT_WIDTH) {
        add_line(g->d, g->line);
        memset(g->line, ' ', g->hang);
        g->used = g->hang;
        starts_line = true;
    }
    if (!starts_line)
        g->line[g->used++] = ' ';
    memcpy(g->line + g->used, word, n + 1);
    g->used += n;
}

static void paragraph_end(struct paragraph *g)
{
    add_line(g->d, g->line);
    add_line(g->d, "");
}

static const char *draw_word(struct prng *p, char kind)
{
    switch (kind) {
    case 'n':
        return PICK_EARLY(p, nouns);
    case 'a':
        return PICK_EARLY(p, adjectives);
    case 'v':
        return PICK_EARLY(p, verbs);
    case 'm':
        return PICK_EARLY(p, musts);
    case 'l':
        return PICK_EARLY(p, clauses);
    default:
        return PICK_EARLY(p, places);
    }
}

static bool takes_an(const char *next)
{
    if (*next == 'u')
        return strncmp(next, "uni", 3) != 0;
    return *next != '\0' && strchr("aeio", *next) != NULL;
}

/* "The sender MUST NOT discard a cached record before the timer has expired." */
static void put_sentence(struct paragraph *g)
{
    struct prng *p = &g->d->p;
    struct buf text;
    char words[512];

    buf_init(&text, sizeof(words) - 1);
    for (const char *at = PICK_EARLY(p, sentence_shapes); *at != '\0'; at++) {
        if (*at != '%')
            buf_append_char(&text, *at);
        else if (*++at == '#')
            buf_append_u64(&text, 2 + prng_below(p, 254));
        else
            buf_append_str(&text, draw_word(p, *at));
    }
    memcpy(words, buf_bytes(&text), text.len);
    words[text.len] = '\0';
    buf_fini(&text);

    char *save = NULL, *next = NULL;

    for (char *word = strtok_r(words, " ", &save); word != NULL; word = next) {
        next = strtok_r(NULL, " ", &save);
        if (next != NULL && strcasecmp(word, "a") == 0 && takes_an(next))
            paragraph_word(g, *word == 'A' ? "An" : "an");
        else
            paragraph_word(g, word);
    }
}

static void put_paragraph(struct document *d, const char *lead, size_t hang, size_t sentences)
{
    struct paragraph g;

    paragraph_begin(&g, d, lead, hang);
    for (size_t i = 0; i < sentences; i++)
        put_sentence(&g);
    paragraph_end(&g);
}

/* A header of 32-bit words, as such documents draw them. */
static void put_diagram(struct document *d)
{
    static const char ruler[] =
        "    +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+";
    size_t rows = 2 + prng_below(&d->p, 4);

    add_line(d, "     0                   1                   2                   3");
    add_line(d, "     0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1");
    add_line(d, ruler);
    for (size_t i = 0; i < rows; i++) {
        char line[TEXT_WIDTH + 1];
        size_t left = prng_below(&d->p, 3) == 0 ? 63 : 31;

        snprintf(line, sizeof(line), "    |%*s%-*s|", (int)(left / 2 - 6), "",
                 (int)(left - left / 2 + 6), PICK(&d->p, fields));
        if (left == 31)
            snprintf(line + 37, sizeof(line) - 37, "%*s%-*s|", 9, "", 22, PICK(&d->p, fields));
        add_line(d, line);
        add_line(d, ruler);
    }
    add_line(d, "");
}

static void put_block(struct document *d)
{
    uint64_t kind = prng_below(&d->p, 12);

    if (kind == 0) {
        put_diagram(d);
    } else if (kind <= 2) {
        size_t items = 2 + prng_below(&d->p, 4);

        for (size_t i = 0; i < items; i++)
            put_paragraph(d, "   o  ", 6, 1 + prng_below(&d->p, 2));
    } else {
        put_paragraph(d, "   ", 3, 2 + prng_below(&d->p, 5));
    }
}

static void put_heading(struct document *d, unsigned section, unsigned sub)
{
    char line[TEXT_WIDTH + 1], sub_number[16] = "";
    const char *adjective = PICK(&d->p, title_adjectives);
    const char *noun = PICK(&d->p, title_nouns);

    if (sub > 0)
        snprintf(sub_number, sizeof(sub_number), "%u.", sub);
    if (section == 1 && sub == 0)
        snprintf(line, sizeof(line), "%c1.  Introduction", MARK_SECTION);
    else
        snprintf(line, sizeof(line), "%c%u.%s  %s %s", MARK_SECTION, section, sub_number, adjective,
                 noun);
    add_line(d, line);
    add_line(d, "");
}

/* Sections until the document, with what pages add, has the size wanted. */
static void put_body(struct document *d, uint64_t size_bytes)
{
    /* A page of about 2,400 bytes brings 150 of header and footer; front matter has about 2,000. */
    uint64_t want = size_bytes > 4000 ? (size_bytes - 2000) * 16 / 17 : 2000;

    for (unsigned section = 1; d->body.len < want && buf_status(&d->body) == DI_OK; section++) {
        unsigned subs = (unsigned)prng_below(&d->p, 5);

        put_heading(d, section, 0);
        for (unsigned sub = 0; sub <= subs && d->body.len < want; sub++) {
            if (sub > 0)
                put_heading(d, section, sub);
            for (uint64_t n = 2 + prng_below(&d->p, 5); n > 0; n--)
                put_block(d);
        }
    }
}

static void name_document(struct document *d)
{
    const char *adjective = PICK(&d->p, title_adjectives);
    const char *noun = PICK(&d->p, title_nouns);
    const char *kind = PICK(&d->p, title_kinds);
    char initial = (char)('A' + prng_below(&d->p, 26));
    const char *surname = PICK(&d->p, surnames);
    const char *month = PICK(&d->p, months);
    unsigned year = (unsigned)(1981 + prng_below(&d->p, 45));

    snprintf(d->title, sizeof(d->title), "The %s %s %s", adjective, noun, kind);
    snprintf(d->author, sizeof(d->author), "%c. %s", initial, surname);
    snprintf(d->month, sizeof(d->month), "%s %u", month, year);
}

/* Lines to pages: every PAGE_BODY lines a footer, a form feed and the next header. */
struct pages {
    struct buf *out;
    const struct document *d;
    size_t lines; /* of bodies, so far */
};

static void put_spread(struct buf *out, const char *left, const char *middle, const char *right)
{
    int room = TEXT_WIDTH - (int)strlen(left) - (int)strlen(middle) - (int)strlen(right);
    int before = room > 1 ? room / 2 : 1, after = room > 1 ? room - before : 1;

    buf_printf(out, "%s%*s%s%*s%s\n", left, before, "", middle, after, "", right);
}

static void close_page(struct pages *g)
{
    char page[32];

    for (; g->lines % PAGE_BODY != 0; g->lines++)
        buf_append_char(g->out, '\n');
    snprintf(page, sizeof(page), "[Page %zu]", g->lines / PAGE_BODY);
    buf_append_str(g->out, "\n\n");
    put_spread(g->out, g->d->author, "Informational", page);
}

static void put_line(struct pages *g, const char *text, size_t len)
{
    if (g->lines > 0 && g->lines % PAGE_BODY == 0) {
        char rfc[24];

        close_page(g);
        buf_append_str(g->out, "\f\n");
        snprintf(rfc, sizeof(rfc), "RFC %u", g->d->number);
        put_spread(g->out, rfc, g->d->title + 4, g->d->month);
        buf_append_str(g->out, "\n\n");
    }
    buf_append(g->out, text, len);
    buf_append_char(g->out, '\n');
    g->lines++;
}

static void put_text(struct pages *g, const char *text)
{
    put_line(g, text, strlen(text));
}

static void put_front(struct pages *g)
{
    const struct document *d = g->d;
    char left[40], line[TEXT_WIDTH + 1];

    for (int i = 0; i < PAGE_HEAD; i++)
        buf_append_char(g->out, '\n'); /* where other pages have their header */
    snprintf(line, sizeof(line), "%-40s%32s", "Network Working Group", d->author);
    put_text(g, line);
    snprintf(left, sizeof(left), "Request for Comments: %u", d->number);
    snprintf(line, sizeof(line), "%-40s%32s", left, "Example Networks");
    put_text(g, line);
    snprintf(line, sizeof(line), "%-40s%32s", "Category: Informational", d->month);
    put_text(g, line);
    put_text(g, "");
    put_text(g, "");
    snprintf(line, sizeof(line), "%*s%s", (TEXT_WIDTH - (int)strlen(d->title)) / 2, "", d->title);
    put_text(g, line);
    put_text(g, "");
    put_text(g, "Status of This Memo");
    put_text(g, "");
    put_text(g, "   This document was generated to try out P2P-DI.  It is not an RFC: it");
    put_text(g, "   has the shape of one, a number that no RFC has, and no meaning.");
    put_text(g, "");
    put_text(g, "Table of Contents");
    put_text(g, "");
}

/* Calls visit for each line of the body. */
static void walk_body(const struct document *d, struct pages *g, size_t contents,
                      void (*visit)(struct pages *g, const char *line, size_t len, size_t at))
{
    const char *line = buf_bytes(&d->body), *end = line + d->body.len;

    for (size_t at = contents; line < end; at++) {
        const char *stop = memchr(line, '\n', (size_t)(end - line));

        visit(g, line, (size_t)(stop - line), at);
        line = stop + 1;
    }
}

static void visit_contents(struct pages *g, const char *line, size_t len, size_t at)
{
    char entry[TEXT_WIDTH + 1];
    size_t used;

    if (len == 0 || line[0] != MARK_SECTION)
        return;
    snprintf(entry, sizeof(entry), "   %.*s ", (int)len - 1, line + 1);
    used = strlen(entry);
    memset(entry + used, '.', TEXT_WIDTH - used);
    snprintf(entry + TEXT_WIDTH - 5, 6, "%5u", (unsigned)(at / PAGE_BODY + 1) % 10000);
    put_text(g, entry);
}

static void visit_body(struct pages *g, const char *line, size_t len, size_t at)
{
    size_t skip = len > 0 && line[0] == MARK_SECTION ? 1 : 0;

    (void)at;
    put_line(g, line + skip, len - skip);
}

static size_t count_sections(const struct document *d)
{
    size_t count = 0;

    for (size_t i = 0; i < d->body.len; i++)
        count += buf_bytes(&d->body)[i] == MARK_SECTION;
    return count;
}

void lab_generate_rfc(uint64_t seed, uint32_t number, struct buf *out)
{
    struct document d = {.number = number};
    struct pages g = {.out = out, .d = &d};

    prng_seed(&d.p, seed ^ (uint64_t)number * UINT64_C(0x9e3779b97f4a7c15));
    buf_init(&d.body, DOC_BYTES_MAX);
    name_document(&d);
    put_body(&d, draw_size(&d.p));
    if (buf_status(&d.body) != DI_OK) {
        out->err = out->err == DI_OK ? buf_status(&d.body) : out->err;
    } else {
        put_front(&g);
        walk_body(&d, &g, g.lines + count_sections(&d) + 1, visit_contents);
        put_text(&g, "");
        walk_body(&d, &g, 0, visit_body);
        close_page(&g);
    }
    buf_fini(&d.body);
}
