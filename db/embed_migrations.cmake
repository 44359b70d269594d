# embed_migrations(OUT): writes OUT, a C++ source with every file of migrations/ and its SHA-256.
function(embed_migrations out)
  file(GLOB files CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/migrations/[0-9][0-9][0-9][0-9]_*.sql)
  list(SORT files)
  set(entries "")
  foreach(file IN LISTS files)
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${file})
    get_filename_component(stem ${file} NAME_WE)
    string(REGEX MATCH "^0*([0-9]+)_(.+)$" _ ${stem})
    file(SHA256 ${file} checksum)
    file(READ ${file} sql)
    string(APPEND entries "    {${CMAKE_MATCH_1}, \"${CMAKE_MATCH_2}\", \"${checksum}\",\n"
      "     R\"migration(${sql})migration\"},\n")
  endforeach()
  file(CONFIGURE OUTPUT ${out} CONTENT [[
// Made by db/embed_migrations.cmake from db/migrations/*.sql.
#include "db/migrations.hpp"

namespace gitstar::db {

const std::vector<migration>& built_in_migrations() {
  static const std::vector<migration> all{
@entries@  };
  return all;
}

} // namespace gitstar::db
]] @ONLY)
endfunction()
