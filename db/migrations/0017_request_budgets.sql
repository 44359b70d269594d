-- REST requests that credentials have besides their points. A table of its own: a program from before
-- it, that crawls into the same database, takes whatever is in credential_budgets for points.

create table request_budgets (like credential_budgets including all);

comment on table request_budgets is
  'As credential_budgets, of REST requests: points_limit and remaining count these. What is about '
  'the credential itself is in both';
