# embed_storms(OUT): writes OUT, a C++ source with every file of storms/. What a storm means is said
# by the first line of its file, a comment.
function(embed_storms out)
  file(GLOB files CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/storms/*.yaml)
  list(SORT files)
  set(entries "")
  foreach(file IN LISTS files)
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${file})
    get_filename_component(name ${file} NAME_WE)
    file(READ ${file} yaml)
    string(REGEX MATCH "^# ([^\n]+)" _ "${yaml}")
    string(APPEND entries "    {\"${name}\", \"${CMAKE_MATCH_1}\",\n     R\"storm(${yaml})storm\"},\n")
  endforeach()
  file(CONFIGURE OUTPUT ${out} CONTENT [[
// Made by tools/sim/embed_storms.cmake from tools/sim/storms/*.yaml.
#include "tools/sim/faults.hpp"

namespace gitstar::sim {

std::span<const storm> storms() {
  static constexpr storm all[] = {
@entries@  };
  return all;
}

} // namespace gitstar::sim
]] @ONLY)
endfunction()
