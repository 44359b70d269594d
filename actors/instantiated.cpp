#include "actors/instantiated.hpp"

#define GITSTAR_DEFINE_BOX(type) template class caf::detail::type_erased_value_impl<type>;
GITSTAR_FOR_EACH_MESSAGE(GITSTAR_DEFINE_BOX)
#undef GITSTAR_DEFINE_BOX

template void fmt::detail::vformat_to<char>(fmt::detail::buffer<char>&, fmt::string_view,
                                            fmt::basic_format_args<fmt::buffer_context<char>>,
                                            fmt::detail::locale_ref);
