/// How a database is laid out: chosen when it is made, and kept. Internal to db/: includes libpqxx.
#pragma once

#include "config/partitioning.hpp"

#include <pqxx/pqxx>

namespace gitstar::db {

/// Divides the empty table of 0001_repositories.sql, before any later migration builds on it.
void divide_repositories(pqxx::work& work, const config::partitioning& chosen);

/// Notes the choice where the migrations have made a place for it.
void store_partitioning(pqxx::work& work, const config::partitioning& chosen);

config::partitioning stored_partitioning(pqxx::work& work);

} // namespace gitstar::db
