/** What the explorer's first tab asks; an account's key needs nothing more. */
export const FIRST_QUERY = `# The account's credits, and the usage of its running cycle.
# With an operator's key, name the account: account(externalId: "...")
{
  account {
    name
    credits {
      state
      remaining
      burnRatePerHour
      exhaustsAt
      stopsAt
    }
    usage(range: { preset: CURRENT_CYCLE }) {
      range {
        from
        to
        timeZone
      }
      workflowRuns {
        used
        allocated
        percentUsed
      }
      credits {
        used
        allocated
        percentUsed
        byCategory {
          category
          credits
          percent
        }
      }
    }
  }
}
`;
