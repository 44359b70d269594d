# gitstar_compile_options(TARGET): what every target of ours is compiled with.
function(gitstar_compile_options target)
  target_include_directories(${target} PUBLIC ${CMAKE_SOURCE_DIR})
  target_compile_options(${target} PRIVATE -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor
    -Woverloaded-virtual -Wcast-align -Wunused -Werror
    # GCC 12 sees overlaps in std::string's operator+ (GCC bug 105651)
    $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict>)
  if(GITSTAR_SANITIZE)
    target_compile_options(${target} PUBLIC -fsanitize=${GITSTAR_SANITIZE} -fno-omit-frame-pointer
      PRIVATE
        # often false with sanitizers, as GCC's manual says
        $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>
        # Asio's fences are unknown to ThreadSanitizer; its locks order the same, and are known
        $<$<CXX_COMPILER_ID:GNU>:-Wno-tsan>)
    target_link_options(${target} PUBLIC -fsanitize=${GITSTAR_SANITIZE})
  endif()
endfunction()

# gitstar_in_groups(TARGET ALONE...): its sources are compiled in groups where GITSTAR_UNITY is on,
# but for those ALONE whose local names are too short, or whose types too local, for company.
function(gitstar_in_groups target)
  set_target_properties(${target} PROPERTIES UNITY_BUILD ${GITSTAR_UNITY} UNITY_BUILD_BATCH_SIZE 6)
  if(ARGN)
    set_source_files_properties(${ARGN} PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
  endif()
endfunction()

# gitstar_library(NAME SOURCES ... LINK ... [ALONE ...]): a static library of ours, compiled in
# groups.
function(gitstar_library name)
  cmake_parse_arguments(arg "" "" "SOURCES;LINK;ALONE" ${ARGN})
  add_library(${name} STATIC ${arg_SOURCES} ${arg_ALONE})
  gitstar_in_groups(${name} ${arg_ALONE})
  gitstar_compile_options(${name})
  target_link_libraries(${name} PUBLIC ${arg_LINK})
endfunction()

# gitstar_test(NAME LABEL label [OPTIMIZED] SOURCES ... LINK ... [HEADERS ...] [ALONE ...]): one test
# program; each TEST_CASE is counted inside, CTest runs the program once. LABEL is the part of the
# tree that it covers. HEADERS are those that most of its sources begin with.
function(gitstar_test name)
  cmake_parse_arguments(arg "OPTIMIZED" "LABEL;TIMEOUT" "SOURCES;ALONE;LINK;HEADERS" ${ARGN})
  add_executable(${name} ${arg_SOURCES} ${arg_ALONE})
  gitstar_compile_options(${name})
  # Parsing headers takes most of the time, and most test code runs once.
  target_precompile_headers(${name} PRIVATE ${arg_HEADERS} <catch2/catch.hpp>)
  gitstar_in_groups(${name} ${arg_ALONE})
  if(NOT arg_OPTIMIZED)
    target_compile_options(${name} PRIVATE -O0)
  endif()
  target_link_libraries(${name} PRIVATE Catch2::Catch2WithMain ${arg_LINK})
  add_test(NAME ${name} COMMAND ${name} WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 300)
  endif()
  if(GITSTAR_SANITIZE)
    math(EXPR arg_TIMEOUT "4 * ${arg_TIMEOUT}")
  endif()
  set_tests_properties(${name} PROPERTIES LABELS "${arg_LABEL}" TIMEOUT ${arg_TIMEOUT})
endfunction()
