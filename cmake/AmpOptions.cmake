# Compiler settings. First-party targets take their warnings from amp_options; third party is SYSTEM.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release)
endif()
# -O2: -O3 makes GCC 12 vectorise table loops badly, and buys nothing where it matters.
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -g1 -DNDEBUG")

find_program(AMP_CCACHE ccache)
if(AMP_CCACHE)
  # Paths relative to the checkout, so that a fresh clone elsewhere finds what another one compiled.
  set(CMAKE_CXX_COMPILER_LAUNCHER
      "${CMAKE_COMMAND}" -E env "CCACHE_BASEDIR=${CMAKE_SOURCE_DIR}" CCACHE_NOHASHDIR=1 "${AMP_CCACHE}")
endif()
find_program(AMP_MOLD mold)
if(AMP_MOLD)
  add_link_options(-fuse-ld=mold)
endif()

# libparquet of the wheel exports a whole OpenSSL of another version. Whoever stands first in the list of needed
# libraries wins for the process, so Debian's libssl and libcrypto stand first in every executable.
add_link_options(-Wl,--push-state,--no-as-needed,-lssl,-lcrypto,--pop-state)

set(AMP_SANITIZE "" CACHE STRING "sanitizers, for example address,undefined")
if(AMP_SANITIZE)
  add_compile_options(-fsanitize=${AMP_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${AMP_SANITIZE})
endif()

add_library(amp_options INTERFACE)
target_compile_options(amp_options INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wold-style-cast -Wnon-virtual-dtor -Woverloaded-virtual
  -Wextra-semi -Wduplicated-cond -Wlogical-op -Wno-missing-field-initializers -Werror
  # False alarms of GCC 12 in optimised builds.
  -Wno-maybe-uninitialized -Wno-restrict -Wno-stringop-overflow -Wno-stringop-overread -Wno-array-bounds)
