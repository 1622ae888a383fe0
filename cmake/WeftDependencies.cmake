# Libraries that Weft uses rather than writes (all of them Debian packages, see scripts/setup).
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
pkg_check_modules(JANSSON REQUIRED IMPORTED_TARGET jansson)
pkg_check_modules(PCRE2 REQUIRED IMPORTED_TARGET libpcre2-8)
pkg_check_modules(UTF8PROC REQUIRED IMPORTED_TARGET libutf8proc)
pkg_check_modules(SLEEF REQUIRED IMPORTED_TARGET sleef)
pkg_check_modules(CYAML REQUIRED IMPORTED_TARGET libcyaml)
pkg_check_modules(YAML REQUIRED IMPORTED_TARGET yaml-0.1)

# Nothing is linked: where it is there, Valgrind is told of the stacks of kernels.
include(CheckIncludeFile)
check_include_file(valgrind/valgrind.h WEFT_HAS_VALGRIND)
# Only for a plugin of the command, tools/weft/mpi_plugin.c. AUTO: if it is there.
set(WEFT_MPI AUTO CACHE STRING "Build the plugin with which `weft sweep` runs under mpirun: ON, OFF or AUTO")
if(WEFT_MPI STREQUAL "AUTO")
  find_package(MPI QUIET COMPONENTS C)
elseif(WEFT_MPI)
  find_package(MPI REQUIRED COMPONENTS C)
endif()
if(WEFT_TESTS)
  pkg_check_modules(CHECK REQUIRED IMPORTED_TARGET check)
endif()
