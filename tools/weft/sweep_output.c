#include "sweep_output.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "file_output.h"
#include "json_output.h"
#include "output.h"
#include "sweep_rows.h"

/* Into a file, or to standard output if there is none. */
static void put(cli_file *to, const char *bytes, size_t count)
{
    if (to)
        cli_file_put(to, bytes, count);
    else
        cli_out_bytes(bytes, count);
}

static void put_text(cli_file *to, const char *text)
{
    put(to, text, strlen(text));
}

static int write_json(const sweep_points *points, const sweep_store *store, cli_file *to)
{
    put_text(to, "[");
    for (size_t point = 0; point < points->count; point++) {
        json_t *outcome = sweep_store_read(store, point);
        if (!outcome)
            return CLI_EXIT_INPUT;
        json_object_del(outcome, "point"); /* its place in the array says it */
        put_text(to, point == 0 ? "\n" : ",\n");
        char *line = cli_json_line(outcome);
        put_text(to, line);
        free(line);
        json_decref(outcome);
    }
    put_text(to, "\n]\n");
    return CLI_EXIT_OK;
}

static void put_csv_cell(cli_file *to, const char *text)
{
    if (!text[strcspn(text, ",\"\r\n")] && text[0] != ' ') {
        put_text(to, text);
        return;
    }
    put_text(to, "\"");
    for (; *text; text++) {
        if (*text == '"')
            put_text(to, "\"");
        put(to, text, 1);
    }
    put_text(to, "\"");
}

static void put_csv_row(void *user, const sweep_rows *rows, const char *const *cells)
{
    for (size_t i = 0; i < rows->column_count; i++) {
        put_text(user, i > 0 ? "," : "");
        put_csv_cell(user, cells[i] ? cells[i] : "");
    }
    put_text(user, "\n");
}

static int write_csv(const sweep_rows *rows, cli_file *to)
{
    put_csv_row(to, rows, rows->columns);
    return sweep_rows_visit(rows, put_csv_row, to);
}

#define NUMBER_BYTES 32

/* A cell as the table shows it: a number with as many digits as a person reads, in the buffer, or the cell itself. */
static const char *shown(const char *cell, char number[NUMBER_BYTES])
{
    if (!cell)
        return "-";
    if (!strchr(cell, '.') || cell[strspn(cell, "0123456789.eE+-")])
        return cell;
    snprintf(number, NUMBER_BYTES, "%.6g", strtod(cell, NULL));
    return number;
}

/* A column of the table: as wide as its widest cell. If all of its cells are equal, it stands before the table. */
typedef struct table_column {
    size_t width;
    bool varies;
    char *first; /* its first cell, NULL before that */
} table_column;

typedef struct table {
    table_column *columns;
    size_t error; /* the column of the sentences, which is the last and no wider than they are */
    cli_file *to;
} table;

static void measure_row(void *user, const sweep_rows *rows, const char *const *cells)
{
    const table *of = user;
    for (size_t i = 0; i < rows->column_count; i++) {
        table_column *column = &of->columns[i];
        char number[NUMBER_BYTES];
        const char *cell = shown(cells[i], number);
        size_t length = strlen(cell);
        if (!column->first)
            column->first = memcpy(cli_allocate(length + 1), cell, length + 1);
        column->varies = column->varies || strcmp(column->first, cell) != 0 || i < rows->points->axis_count;
        if (length > column->width)
            column->width = length;
    }
}

static void put_table_row(void *user, const sweep_rows *rows, const char *const *cells)
{
    const table *of = user;
    const char *gap = "";
    char number[NUMBER_BYTES];
    for (size_t i = 0; i < rows->column_count; i++) {
        if (!of->columns[i].varies || i == of->error)
            continue;
        const char *cell = shown(cells[i], number);
        put_text(of->to, gap);
        for (size_t blanks = strlen(cell); blanks < of->columns[i].width; blanks++)
            put_text(of->to, " ");
        put_text(of->to, cell);
        gap = "  ";
    }
    if (of->columns[of->error].varies && cells[of->error]) {
        put_text(of->to, gap);
        put_text(of->to, cells[of->error]);
    }
    put_text(of->to, "\n");
}

static void put_constants(const table *of, const sweep_rows *rows)
{
    const char *before = "in all rows:\n  ", *after = "";
    for (size_t i = 0; i < rows->column_count; i++) {
        const table_column *column = &of->columns[i];
        if (column->varies || strcmp(column->first, "-") == 0)
            continue;
        put_text(of->to, before);
        put_text(of->to, rows->columns[i]);
        put_text(of->to, " ");
        put_text(of->to, column->first);
        before = "\n  ";
        after = "\n\n";
    }
    put_text(of->to, after);
}

static int write_table(const sweep_rows *rows, cli_file *to)
{
    table of = {.columns = cli_allocate(rows->column_count * sizeof *of.columns),
                .error = sweep_rows_error_column(rows),
                .to = to};
    for (size_t i = 0; i < rows->column_count; i++)
        of.columns[i] = (table_column){.width = strlen(rows->columns[i])};
    int code = sweep_rows_visit(rows, measure_row, &of);
    bool has_columns = false;
    for (size_t i = 0; i < rows->column_count; i++)
        has_columns = has_columns || of.columns[i].varies;
    if (code == CLI_EXIT_OK)
        put_constants(&of, rows);
    if (code == CLI_EXIT_OK && has_columns) {
        put_table_row(&of, rows, rows->columns);
        code = sweep_rows_visit(rows, put_table_row, &of);
    }
    for (size_t i = 0; i < rows->column_count; i++)
        free(of.columns[i].first);
    free(of.columns);
    return code;
}

static int write_format(const sweep_points *points, const sweep_store *store, sweep_format format, cli_file *to)
{
    if (format == SWEEP_JSON)
        return write_json(points, store, to);
    sweep_rows rows;
    int code = sweep_rows_open(points, store, &rows);
    if (code == CLI_EXIT_OK)
        code = format == SWEEP_CSV ? write_csv(&rows, to) : write_table(&rows, to);
    sweep_rows_release(&rows);
    return code;
}

bool sweep_format_of(const char *path, sweep_format *out)
{
    const char *suffix = strrchr(path, '.');
    bool is_csv = suffix && strcmp(suffix, ".csv") == 0;
    *out = is_csv ? SWEEP_CSV : SWEEP_JSON;
    return is_csv || (suffix && strcmp(suffix, ".json") == 0);
}

int sweep_write(const sweep_points *points, const sweep_store *store, sweep_format format, const char *path)
{
    if (!path)
        return write_format(points, store, format, NULL);
    cli_file file;
    cli_file_open(store->verb, path, &file);
    return cli_file_close(&file, write_format(points, store, format, &file));
}
