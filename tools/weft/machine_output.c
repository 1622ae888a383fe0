#include "machine_output.h"

#include <inttypes.h>

#include "json_output.h"
#include "output.h"

json_t *cli_json_machine(const char *path, const weft_machine_info *info)
{
    const struct {
        const char *name;
        uint64_t count;
    } counts[] = {
        {"sips", info->sips},
        {"cube_rows", info->cube_rows},
        {"cube_columns", info->cube_columns},
        {"router_rows", info->router_rows},
        {"router_columns", info->router_columns},
        {"routers", info->routers},
        {"pes", info->pes},
        {"ucie_connections", info->ucie_connections},
        {"nodes", info->nodes},
        {"links", info->links},
        {"hbm_bytes", info->hbm_bytes},
        {"tcm_bytes", info->tcm_bytes},
        {"flit_bytes", info->flit_bytes},
    };
    json_t *object = json_object();
    json_object_set_new(object, "kind", cli_json_text("machine"));
    json_object_set_new(object, "path", cli_json_text(path));
    json_object_set_new(object, "name", cli_json_text(info->name));
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++)
        json_object_set_new(object, counts[i].name, cli_json_count(counts[i].count));
    json_object_set_new(object, "hbm_gbs", cli_json_number(info->hbm_gbs));
    json_object_set_new(object, "link_gbs", cli_json_number(info->link_gbs));
    json_object_set_new(object, "ucie_gbs", cli_json_number(info->ucie_gbs));
    return object;
}

void cli_out_machine(const weft_machine_info *info)
{
    uint64_t cubes = (uint64_t)info->sips * info->cube_rows * info->cube_columns;
    uint32_t holes = info->router_rows * info->router_columns - info->routers;
    cli_out("machine       %s\n", info->name);
    cli_out("SIPs          %u\n", info->sips);
    cli_out("cubes         %u x %u in a SIP, %" PRIu64 " in all\n", info->cube_rows, info->cube_columns, cubes);
    cli_out("routers       %u x %u in a cube, %u hole%s\n", info->router_rows, info->router_columns, holes,
            cli_plural(holes, "s"));
    cli_out("PEs           %u in a cube, %" PRIu64 " in all\n", info->pes, cubes * info->pes);
    if (info->hbm_bytes > 0)
        cli_out("HBM           %.4g GiB in a cube, %g GB/s for each PE, %.4g TB/s in all\n",
                (double)info->hbm_bytes / (double)(1 << 30), info->hbm_gbs,
                info->hbm_gbs * (double)(cubes * info->pes) * 1e-3);
    else
        cli_out("HBM           none\n");
    cli_out("TCM           %" PRIu64 " KiB in a PE\n", info->tcm_bytes >> 10);
    cli_out("links         %g GB/s between routers", info->link_gbs);
    if (info->ucie_connections > 0)
        cli_out(", %u x %g GB/s on a side of a cube", info->ucie_connections, info->ucie_gbs);
    cli_out("\nflit          %" PRIu64 " byte%s\n", info->flit_bytes, cli_plural(info->flit_bytes, "s"));
    cli_out("compiled      %u node%s, %u link%s\n", info->nodes, cli_plural(info->nodes, "s"), info->links,
            cli_plural(info->links, "s"));
}
