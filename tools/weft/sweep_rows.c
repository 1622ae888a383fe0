#include "sweep_rows.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json_output.h"
#include "output.h"

/* Columns that every sweep has behind those of its keys: the members of an outcome that are scalars. */
static const char *const fixed_columns[] = {"exit", "error"};
#define FIXED_COLUMNS (sizeof fixed_columns / sizeof fixed_columns[0])

static const char *add_column(sweep_rows *rows, const char *name)
{
    json_object_set_new(rows->index, name, json_integer((json_int_t)rows->column_count));
    const char *kept = json_object_iter_key(json_object_iter_at(rows->index, name));
    rows->columns = cli_reallocate(rows->columns, (rows->column_count + 1) * sizeof *rows->columns);
    rows->columns[rows->column_count++] = kept;
    return kept;
}

static bool is_taken(const sweep_points *points, const char *name)
{
    for (size_t i = 0; i < FIXED_COLUMNS; i++) {
        if (strcmp(name, fixed_columns[i]) == 0)
            return true;
    }
    for (size_t i = 0; i < points->axis_count; i++) {
        if (strcmp(name, points->axes[i].name) == 0)
            return true;
    }
    return false;
}

/* Puts a scalar of the result into a row. The name is in a block of its own, which is given up. */
static void put_scalar(const sweep_points *points, json_t *row, char *name, json_t *value)
{
    if (is_taken(points, name)) {
        size_t bytes = strlen(name) + sizeof "result.";
        char *longer = cli_allocate(bytes);
        snprintf(longer, bytes, "result.%s", name);
        free(name);
        name = longer;
    }
    json_object_set(row, name, value);
    free(name);
}

static void flatten(const sweep_points *points, json_t *object, const char *prefix, json_t *row)
{
    const char *key;
    json_t *value;
    json_object_foreach(object, key, value)
    {
        size_t bytes = strlen(prefix) + strlen(key) + 2;
        char *name = cli_allocate(bytes);
        snprintf(name, bytes, "%s%s%s", prefix, *prefix ? "." : "", key);
        if (json_is_object(value) || json_is_array(value)) {
            flatten(points, value, name, row); /* of an array, which has no members, nothing comes */
            free(name);
        } else {
            put_scalar(points, row, name, value);
        }
    }
}

/* Arrays whose objects are rows of their own: they have what the object around them has, but for what they say
 * themselves. */
static const char *const row_members[] = {"cases", "runs"};

static json_t *inner_rows(json_t *result)
{
    if (json_is_array(result))
        return result;
    for (size_t i = 0; i < sizeof row_members / sizeof row_members[0]; i++) {
        json_t *inner = json_object_get(result, row_members[i]);
        if (json_array_size(inner) > 0)
            return inner;
    }
    return NULL;
}

/* Appends the rows of a result, with what is around it in `outer`. */
static void add_rows(const sweep_points *points, json_t *result, json_t *outer, json_t *rows)
{
    json_t *row = json_copy(outer), *inner = inner_rows(result);
    flatten(points, result, "", row);
    for (size_t i = 0; i < json_array_size(inner); i++)
        add_rows(points, json_array_get(inner, i), row, rows);
    if (json_array_size(inner) == 0)
        json_array_append(rows, row);
    json_decref(row);
}

static json_t *rows_of(const sweep_points *points, json_t *result)
{
    json_t *rows = json_array(), *nothing = json_object();
    add_rows(points, result, nothing, rows);
    json_decref(nothing);
    return rows;
}

static void add_columns_of(sweep_rows *rows, json_t *result)
{
    json_t *found = rows_of(rows->points, result);
    for (size_t i = 0; i < json_array_size(found); i++) {
        const char *name;
        json_t *value;
        json_object_foreach(json_array_get(found, i), name, value)
        {
            if (!json_object_get(rows->index, name))
                add_column(rows, name);
        }
    }
    json_decref(found);
}

int sweep_rows_open(const sweep_points *points, const sweep_store *store, sweep_rows *out)
{
    *out = (sweep_rows){.points = points, .store = store, .index = json_object()};
    for (size_t i = 0; i < points->axis_count; i++)
        add_column(out, points->axes[i].name);
    for (size_t i = 0; i < FIXED_COLUMNS; i++)
        add_column(out, fixed_columns[i]);
    for (size_t point = 0; point < points->count; point++) {
        json_t *outcome = sweep_store_read(store, point);
        if (!outcome)
            return CLI_EXIT_INPUT;
        add_columns_of(out, json_object_get(outcome, "result"));
        json_decref(outcome);
    }
    return CLI_EXIT_OK;
}

void sweep_rows_release(sweep_rows *rows)
{
    free(rows->columns);
    json_decref(rows->index);
    *rows = (sweep_rows){0};
}

size_t sweep_rows_error_column(const sweep_rows *rows)
{
    return rows->points->axis_count + 1;
}

static char *copy_of(const char *text)
{
    size_t bytes = strlen(text) + 1;
    return memcpy(cli_allocate(bytes), text, bytes);
}

/* The text of a scalar in a block of its own; NULL for null. */
static char *text_of(const json_t *value)
{
    if (!value || json_is_null(value))
        return NULL;
    return json_is_string(value) ? copy_of(json_string_value(value)) : cli_json_line(value);
}

static void visit_row(const sweep_rows *rows, size_t point, const json_t *outcome, json_t *row,
                      sweep_row_function *function, void *user)
{
    char **cells = cli_allocate(rows->column_count * sizeof *cells);
    size_t keys = rows->points->axis_count;
    for (size_t i = 0; i < rows->column_count; i++) {
        if (i < keys)
            cells[i] = copy_of(sweep_points_value(rows->points, point, i));
        else
            cells[i] = text_of(json_object_get(i < keys + FIXED_COLUMNS ? outcome : row, rows->columns[i]));
    }
    function(user, rows, (const char *const *)cells);
    for (size_t i = 0; i < rows->column_count; i++)
        free(cells[i]);
    free(cells);
}

int sweep_rows_visit(const sweep_rows *rows, sweep_row_function *function, void *user)
{
    for (size_t point = 0; point < rows->points->count; point++) {
        json_t *outcome = sweep_store_read(rows->store, point);
        if (!outcome)
            return CLI_EXIT_INPUT;
        json_t *found = rows_of(rows->points, json_object_get(outcome, "result"));
        for (size_t i = 0; i < json_array_size(found); i++)
            visit_row(rows, point, outcome, json_array_get(found, i), function, user);
        json_decref(found);
        json_decref(outcome);
    }
    return CLI_EXIT_OK;
}
