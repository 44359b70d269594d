// Octokit as its documentation sets it up, with the throttle opened up on request.

import { Octokit } from "@octokit/core";
import { retry } from "@octokit/plugin-retry";
import { throttling } from "@octokit/plugin-throttling";
import Bottleneck from "bottleneck/light.js";

const Client = Octokit.plugin(throttling, retry);

/**
 * `query(text, variables)` answers the data of a GraphQL query. `requests` counts what was sent,
 * `points` what answers say that they cost: nothing where the limits are switched off.
 */
export function createClient({ graphqlUrl, token, throttle, inFlight }) {
  const url = new URL(graphqlUrl);
  const octokit = new Client({
    auth: token,
    baseUrl: graphqlUrl.replace(/\/graphql$/, ""),
    throttle: {
      ...(throttle === "tuned" ? openedUp(token, inFlight) : {}),
      onRateLimit: () => true,
      onSecondaryRateLimit: () => true,
    },
  });
  // Compressing on one machine only costs time; the crawler does not ask for it there either.
  const headers = isLoopback(url.hostname) ? { "accept-encoding": "identity" } : {};
  const client = {
    requests: 0,
    points: 0,
    async query(text, variables) {
      client.requests += 1;
      const data = await octokit.graphql(text, { ...variables, headers });
      client.points += data.rateLimit?.cost ?? 0;
      return data;
    },
  };
  return client;
}

/** plugin-throttling sends one GraphQL query per second; GitHub allows 100 at once. */
function openedUp(token, inFlight) {
  const group = () => new Bottleneck.Group({ maxConcurrent: inFlight, minTime: 0 });
  return { id: token, global: group(), write: group() };
}

function isLoopback(host) {
  return host === "localhost" || host === "[::1]" || host.startsWith("127.");
}
