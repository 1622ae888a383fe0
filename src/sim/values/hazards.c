#include "sim/values/hazards.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void weft__hazards_destroy(weft__hazards *it)
{
    free(it->kept);
    weft__names_destroy(&it->kernels);
    weft__arena_destroy(&it->texts);
}

static weft_status copy_text(weft__hazards *it, const char *text, const char **out, weft_error *err)
{
    size_t bytes = strlen(text) + 1;
    char *copy = weft__arena_alloc(&it->texts, bytes, 1);
    if (!copy)
        return weft__fail_memory(err, bytes, "the text of a hazard");
    memcpy(copy, text, bytes);
    *out = copy;
    return WEFT_OK;
}

static weft_status make_room(weft__hazards *it, weft_error *err)
{
    if (it->kept_count < it->kept_capacity)
        return WEFT_OK;
    size_t capacity = it->kept_capacity ? 2 * it->kept_capacity : 16;
    weft__kept_hazard *grown = realloc(it->kept, capacity * sizeof *grown);
    if (!grown)
        return weft__fail_memory(err, capacity * sizeof *grown, "hazards");
    it->kept = grown;
    it->kept_capacity = capacity;
    return WEFT_OK;
}

static weft_status keep(weft__hazards *it, const weft_kernel_hazard *hazard, const void *earlier, weft_error *err)
{
    uint32_t kernel = 0;
    if (it->kept_count == WEFT__HAZARDS_KEPT)
        return WEFT_OK;
    weft_status status = make_room(it, err);
    if (status == WEFT_OK && hazard->kernel)
        status = weft__names_number(&it->kernels, hazard->kernel, &kernel, err);
    if (status != WEFT_OK)
        return status;
    weft__kept_hazard *kept = &it->kept[it->kept_count];
    *kept = (weft__kept_hazard){*hazard, earlier};
    if (hazard->kernel)
        kept->hazard.kernel = weft__names_at(&it->kernels, kernel);
    status = copy_text(it, hazard->text, &kept->hazard.text, err);
    it->kept_count += status == WEFT_OK;
    return status;
}

bool weft__hazards_add(weft__hazards *it, const weft_kernel_hazard *hazard, const void *earlier, const char *format,
                       ...)
{
    weft_error err;
    char text[WEFT_ERROR_MESSAGE_BYTES];
    weft_kernel_hazard whole = *hazard;
    whole.time_ps = weft__sim_now(it->sim);
    whole.text = text;
    size_t used = 0;
    if (hazard->kernel)
        used = (size_t)snprintf(text, sizeof text, "Kernel '%.128s' on %s", hazard->kernel, hazard->pe);
    else
        used = (size_t)snprintf(text, sizeof text, "The host");
    used += (size_t)snprintf(text + used, sizeof text - used, " at %.3f ns, %s: Hazard: ", (double)whole.time_ps / 1000,
                             hazard->call);
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text + used, sizeof text - used, format, arguments);
    va_end(arguments);
    weft_status status = keep(it, &whole, earlier, &err);
    it->count++;
    if (it->action == WEFT_HAZARDS_ERROR)
        (void)weft__sim_fail(it->sim, WEFT_HAZARD, "%s", text);
    else if (status != WEFT_OK)
        (void)weft__sim_fail(it->sim, status, "%s", err.message);
    return !weft__sim_has_failed(it->sim);
}

static weft_status settle(weft__hazards *it, weft_kernel_hazard *hazard, weft_error *err)
{
    char text[WEFT_ERROR_MESSAGE_BYTES];
    hazard->other_ps = weft__sim_now(it->sim);
    hazard->margin_ps = hazard->other_ps - hazard->time_ps;
    const char *last = strrchr(hazard->text, ';');
    int kept = last ? (int)(last - hazard->text) : (int)strlen(hazard->text);
    (void)snprintf(text, sizeof text, "%.*s; it ended %.3f ns later.", kept, hazard->text,
                   (double)hazard->margin_ps / 1000);
    return copy_text(it, text, &hazard->text, err);
}

void weft__hazards_settle(weft__hazards *it, const void *earlier)
{
    for (size_t i = 0; i < it->kept_count; i++) {
        weft_error err;
        weft__kept_hazard *kept = &it->kept[i];
        if (kept->earlier != earlier)
            continue;
        kept->earlier = NULL;
        if (settle(it, &kept->hazard, &err) != WEFT_OK)
            (void)weft__sim_fail(it->sim, err.code, "%s", err.message);
    }
}

bool weft__hazards_at(const weft__hazards *it, size_t index, weft_kernel_hazard *out)
{
    if (index >= it->kept_count)
        return false;
    *out = it->kept[index].hazard;
    return true;
}
