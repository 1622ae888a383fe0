#include "options.h"

const cli_option cli_option_help = {
    .name = "help", .letter = 'h', .kind = CLI_FLAG, .help = "print this help and exit"};

const cli_option cli_option_model = {.name = "model",
                                     .letter = 'm',
                                     .kind = CLI_WORD,
                                     .argument = "DIR",
                                     .is_required = true,
                                     .reads = CLI_READS_MODEL,
                                     .help = "directory of the model: config.json, model.safetensors, tokenizer.json"};

const cli_option cli_option_device = {.name = "device",
                                      .letter = 'd',
                                      .kind = CLI_WORD,
                                      .argument = "URI",
                                      .initial = "cpu",
                                      .reads = CLI_READS_DEVICE,
                                      .help = "where to run; `weft devices` lists what there is"};

const cli_option cli_option_threads = {.name = "threads",
                                       .letter = 't',
                                       .kind = CLI_COUNT,
                                       .argument = "N",
                                       .least = 1,
                                       .most = 1024,
                                       .help = "worker threads of the device; one for each CPU if not given"};

const cli_option cli_option_isa = {
    .name = "isa",
    .kind = CLI_WORD,
    .argument = "NAME",
    .help = "instruction set of the device: scalar, avx2 or avx512; the best that this machine has if not given"};

const cli_option cli_option_timing_only = {
    .name = "timing-only",
    .kind = CLI_FLAG,
    .help = "on a simulated machine: times without numbers, and without the memory for them; short for the URI's "
            "values=none"};

const cli_option cli_option_record = {.name = "record",
                                      .kind = CLI_WORD,
                                      .argument = "FILE",
                                      .is_output = true,
                                      .help = "write what ran and when, for `weft report`"};

const cli_option cli_option_trace = {
    .name = "trace",
    .kind = CLI_WORD,
    .argument = "FILE",
    .is_output = true,
    .help = "write a trace for ui.perfetto.dev: host, command buffers, dispatches, barriers and fences, and on a "
            "simulated machine what its PEs and links do"};

const cli_option cli_option_json = {
    .name = "json", .letter = 'j', .kind = CLI_FLAG, .help = "print JSON instead of text"};

const cli_option cli_option_machine = {.name = "machine",
                                       .letter = 'm',
                                       .kind = CLI_WORD,
                                       .argument = "FILE",
                                       .is_required = true,
                                       .reads = CLI_READS_FILE,
                                       .help = "machine file, machines/two-sip.yaml say"};

const cli_option cli_option_set = {
    .name = "set",
    .letter = 's',
    .kind = CLI_WORD,
    .argument = "KEY=VALUE",
    .may_repeat = true,
    .help = "replace a value of the machine file, cube.link_gbs=128 say; where a key is set twice, the last counts"};
