/* global React, ReactDOM, GraphiQL */
(() => {
  const STORED_KEY = 'billing-gateway-key';
  const FIRST_QUERY = `# The account's usage in the running billing cycle.
# An operator's key names an account: account(externalId: "demo")
{
  account {
    name
    usage(range: { preset: CURRENT_CYCLE }) {
      range { from to timeZone }
      credits {
        used
        allocated
        percentUsed
        byCategory { category credits percent }
      }
      workflowRuns { used allocated percentUsed }
      trend { granularity buckets { from credits workflowRuns } }
    }
  }
}
`;
  const input = document.getElementById('key');
  const state = document.getElementById('key-state');
  const root = ReactDOM.createRoot(document.getElementById('explorer'));

  const render = () => {
    const key = localStorage.getItem(STORED_KEY);
    state.textContent = key === null ? 'Type your key to load the schema.' : 'Key in use.';
    const fetcher = GraphiQL.createFetcher({
      url: '/graphql',
      headers: key === null ? {} : { authorization: `Bearer ${key}` },
    });
    // A new key of the element loads the schema anew with the new credentials.
    root.render(React.createElement(GraphiQL, { key, fetcher, defaultQuery: FIRST_QUERY }));
  };

  document.getElementById('key-form').addEventListener('submit', (event) => {
    event.preventDefault();
    const key = input.value.trim();
    if (key !== '') localStorage.setItem(STORED_KEY, key);
    input.value = '';
    render();
  });
  document.getElementById('forget').addEventListener('click', () => {
    localStorage.removeItem(STORED_KEY);
    render();
  });
  render();
})();
