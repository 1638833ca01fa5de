/** What the explorer's first tab asks; an account's key needs nothing more. */
export const FIRST_QUERY = `# An operator's key names the account:
#   account(externalId: "demo")
query CurrentCycle {
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
