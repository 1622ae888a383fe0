# What `cmake --install` puts where: the library, its headers, the CLI and its man page, and how others find them
# (pkg-config file and CMake package). Nothing refers to the prefix by name, so an installed tree can be moved.
include(CMakePackageConfigHelpers)

install(TARGETS weft EXPORT weft-targets LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}")
install(DIRECTORY "${PROJECT_SOURCE_DIR}/include/weft" DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}"
  FILES_MATCHING PATTERN "*.h")
install(FILES "${PROJECT_SOURCE_DIR}/LICENSE" "${PROJECT_SOURCE_DIR}/README.md" DESTINATION "${CMAKE_INSTALL_DOCDIR}")

set(weft_package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/weft")
install(EXPORT weft-targets NAMESPACE weft:: DESTINATION "${weft_package_dir}")
configure_package_config_file("${CMAKE_CURRENT_LIST_DIR}/weftConfig.cmake.in" "${PROJECT_BINARY_DIR}/weftConfig.cmake"
  INSTALL_DESTINATION "${weft_package_dir}" NO_SET_AND_CHECK_MACRO)
# Before 1.0 every minor version may change the API.
write_basic_package_version_file("${PROJECT_BINARY_DIR}/weftConfigVersion.cmake" COMPATIBILITY SameMinorVersion)
install(FILES "${PROJECT_BINARY_DIR}/weftConfig.cmake" "${PROJECT_BINARY_DIR}/weftConfigVersion.cmake"
  DESTINATION "${weft_package_dir}")

set(weft_pkgconfig_dir "${CMAKE_INSTALL_LIBDIR}/pkgconfig")
file(RELATIVE_PATH weft_prefix_from_pkgconfig "/${weft_pkgconfig_dir}" "/")
configure_file("${CMAKE_CURRENT_LIST_DIR}/weft.pc.in" "${PROJECT_BINARY_DIR}/weft.pc" @ONLY)
install(FILES "${PROJECT_BINARY_DIR}/weft.pc" DESTINATION "${weft_pkgconfig_dir}")

if(TARGET weft_cli)
  file(RELATIVE_PATH weft_lib_from_bin "/${CMAKE_INSTALL_BINDIR}" "/${CMAKE_INSTALL_LIBDIR}")
  set_target_properties(weft_cli PROPERTIES
    INSTALL_RPATH "$ORIGIN/${weft_lib_from_bin};$ORIGIN/${weft_lib_from_bin}/weft")
  install(TARGETS weft_cli RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}")
  if(TARGET weft_mpi)
    install(TARGETS weft_mpi LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}/weft")
  endif()

  # The page is written by the CLI itself, from the tables that its options are parsed with.
  set(weft_man_page "${PROJECT_BINARY_DIR}/weft.1")
  add_custom_command(OUTPUT "${weft_man_page}"
    COMMAND weft_cli help --man > "${weft_man_page}.new"
    COMMAND "${CMAKE_COMMAND}" -E rename "${weft_man_page}.new" "${weft_man_page}"
    DEPENDS weft_cli COMMENT "Writing weft.1" VERBATIM)
  add_custom_target(weft_man ALL DEPENDS "${weft_man_page}")
  install(FILES "${weft_man_page}" DESTINATION "${CMAKE_INSTALL_MANDIR}/man1")
endif()
