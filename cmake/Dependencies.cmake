# Third-party libraries. Versions: third_party/versions.txt; scripts/deps installs them.
execute_process(COMMAND "${CMAKE_SOURCE_DIR}/scripts/deps" --prefix
                OUTPUT_VARIABLE AMP_DEPS OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
if(NOT EXISTS "${AMP_DEPS}/.complete")
  message(FATAL_ERROR "third-party parts are missing in ${AMP_DEPS}: run scripts/deps first")
endif()

find_package(Threads REQUIRED)
find_package(OpenSSL REQUIRED)
find_package(CURL REQUIRED)
find_package(SQLite3 REQUIRED)
find_package(PostgreSQL REQUIRED)
find_package(Protobuf REQUIRED)
find_package(fmt REQUIRED)
find_package(spdlog REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(CLI11 REQUIRED)
find_package(tomlplusplus REQUIRED)
find_package(prometheus-cpp REQUIRED)
find_package(GTest REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(HTTPLIB REQUIRED IMPORTED_TARGET cpp-httplib)
pkg_check_modules(ZSTD REQUIRED IMPORTED_TARGET libzstd)

# Arrow C++: an installed package if there is one, else the libraries inside the pyarrow wheel.
find_package(Arrow 26 QUIET)
find_package(Parquet QUIET)
find_package(ArrowFlight QUIET)
if(Arrow_FOUND AND Parquet_FOUND AND ArrowFlight_FOUND)
  add_library(amp_arrow INTERFACE)
  target_link_libraries(amp_arrow INTERFACE Arrow::arrow_shared)
  add_library(amp_parquet INTERFACE)
  target_link_libraries(amp_parquet INTERFACE Parquet::parquet_shared)
  add_library(amp_flight INTERFACE)
  target_link_libraries(amp_flight INTERFACE ArrowFlight::arrow_flight_shared)
  # Distributions have S3 inside libarrow.
  add_library(amp_arrow_s3 INTERFACE)
  set(AMP_BUNDLED_LIBRARIES)
else()
  file(GLOB _arrow "${AMP_DEPS}/venv/lib/python3.*/site-packages/pyarrow/libarrow.so.*")
  list(LENGTH _arrow _count)
  if(NOT _count EQUAL 1)
    message(FATAL_ERROR "no libarrow.so in the pyarrow wheel below ${AMP_DEPS}: run scripts/deps again")
  endif()
  get_filename_component(_wheel "${_arrow}" DIRECTORY)
  string(REGEX REPLACE ".*libarrow\\.so\\.([0-9]+)$" "\\1" _soversion "${_arrow}")
  foreach(part arrow arrow_flight arrow_s3 parquet)
    add_library(pyarrow_${part} SHARED IMPORTED)
    set_target_properties(pyarrow_${part} PROPERTIES
      IMPORTED_LOCATION "${_wheel}/lib${part}.so.${_soversion}" IMPORTED_SONAME "lib${part}.so.${_soversion}"
      INTERFACE_INCLUDE_DIRECTORIES "${_wheel}/include")
  endforeach()
  add_library(amp_arrow INTERFACE)
  target_link_libraries(amp_arrow INTERFACE pyarrow_arrow)
  add_library(amp_arrow_s3 INTERFACE)
  target_link_libraries(amp_arrow_s3 INTERFACE pyarrow_arrow_s3 pyarrow_arrow)
  add_library(amp_parquet INTERFACE)
  target_link_libraries(amp_parquet INTERFACE pyarrow_parquet pyarrow_arrow)
  add_library(amp_flight INTERFACE)
  target_link_libraries(amp_flight INTERFACE pyarrow_arrow_flight pyarrow_arrow)
  # What `cmake --install` puts beside the program; the libraries of the wheel find each other by $ORIGIN.
  set(AMP_BUNDLED_LIBRARIES
    "${_wheel}/libarrow.so.${_soversion}" "${_wheel}/libarrow_flight.so.${_soversion}"
    "${_wheel}/libarrow_compute.so.${_soversion}" "${_wheel}/libarrow_s3.so.${_soversion}" "${_wheel}/libparquet.so.${_soversion}")
endif()

add_library(amp_duckdb SHARED IMPORTED)
set_target_properties(amp_duckdb PROPERTIES
  IMPORTED_LOCATION "${AMP_DEPS}/duckdb/lib/libduckdb.so" IMPORTED_SONAME libduckdb.so
  INTERFACE_INCLUDE_DIRECTORIES "${AMP_DEPS}/duckdb/include")
list(APPEND AMP_BUNDLED_LIBRARIES "${AMP_DEPS}/duckdb/lib/libduckdb.so")

# SOCI has no CMake package in Debian.
add_library(amp_soci INTERFACE)
target_include_directories(amp_soci SYSTEM INTERFACE /usr/include/soci)
target_link_libraries(amp_soci INTERFACE soci_core soci_sqlite3 soci_postgresql PostgreSQL::PostgreSQL SQLite::SQLite3)

# simdjson comes as two source files; Debian's 3.0 takes twice the time.
add_library(amp_simdjson STATIC "${AMP_DEPS}/simdjson/simdjson.cpp")
target_include_directories(amp_simdjson SYSTEM PUBLIC "${AMP_DEPS}/simdjson")
target_compile_options(amp_simdjson PRIVATE -w -O2)
