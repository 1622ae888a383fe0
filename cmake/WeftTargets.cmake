# How every target of the project is compiled, and the three functions that the CMakeLists files use:
#   weft_layer(NAME sources...)              one folder below src/, as an object library that ends up in libweft
#   weft_isa_sources(NAME FLAGS sources...)  sources of a layer that alone may be compiled with ISA flags
#   weft_program(NAME sources...)            an executable over the internal (static) library: tests, benches
add_library(weft_compile INTERFACE)
target_compile_features(weft_compile INTERFACE c_std_17)
target_compile_options(weft_compile INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wformat=2 -Wundef
  # a fused multiply-add where the source has none would make results depend on the compiler
  -ffp-contract=off)
target_compile_definitions(weft_compile INTERFACE _GNU_SOURCE)
target_include_directories(weft_compile INTERFACE "${PROJECT_SOURCE_DIR}/include")
set(CMAKE_C_STANDARD 17)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_C_VISIBILITY_PRESET hidden)
if(WEFT_SANITIZE)
  add_compile_options(-fsanitize=${WEFT_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${WEFT_SANITIZE})
endif()
# Where the AVX kernels are compiled in: src/kernels/cpu/isa.h decides by the same rule.
if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64|amd64)$")
  set(WEFT_X86_64 ON)
endif()
find_program(CCACHE ccache)
if(CCACHE AND NOT CMAKE_C_COMPILER_LAUNCHER)
  set(CMAKE_C_COMPILER_LAUNCHER "${CCACHE}")
endif()

function(weft_layer name)
  add_library(weft_${name} OBJECT ${ARGN})
  target_link_libraries(weft_${name} PRIVATE weft_compile)
  target_include_directories(weft_${name} PRIVATE "${PROJECT_SOURCE_DIR}/src")
  set_property(GLOBAL APPEND PROPERTY WEFT_LAYERS weft_${name})
endfunction()

function(weft_isa_sources name flags)
  target_sources(weft_${name} PRIVATE ${ARGN})
  separate_arguments(flags)
  if(WEFT_SANITIZE MATCHES "address" AND CMAKE_C_COMPILER_ID MATCHES "Clang")
    # Checks as calls: inlined into kernels that are one long unrolled loop, they take clang most of a minute a file.
    list(APPEND flags -mllvm -asan-instrumentation-with-call-threshold=0)
  endif()
  set_source_files_properties(${ARGN} PROPERTIES COMPILE_OPTIONS "${flags}")
endfunction()

function(weft_program name)
  add_executable(${name} ${ARGN})
  target_link_libraries(${name} PRIVATE weft_compile weft_static)
  target_include_directories(${name} PRIVATE "${PROJECT_SOURCE_DIR}/src" "${PROJECT_SOURCE_DIR}/tests")
endfunction()
