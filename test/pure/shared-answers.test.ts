import { describe, expect, it } from '@jest/globals';
import { buildSchema, parse } from 'graphql';
import { SharedAnswers } from '../../src/http/shared-answers.ts';

describe('operations that differ in one variable', () => {
  it('share no answers when one is null and the other is left out, for which there is a default', () => {
    const answers = new SharedAnswers();
    const schema = buildSchema(
      'type Query { a: Int } type Alert { at: Int } type Subscription { alert: Alert }',
    );
    const alert = schema.getSubscriptionType()?.getFields()['alert'];
    if (alert !== undefined) alert.extensions = { sharedAnswers: true };
    const document = parse('subscription ($is: Boolean = true) { alert { at @include(if: $is) } }');
    const named = (variableValues: Readonly<Record<string, unknown>>): string | null =>
      answers.nameOf({ schema, document, variableValues });

    expect(named({})).not.toBeNull();
    expect(named({})).toBe(named({ other: 1 }));
    expect(named({})).not.toBe(named({ is: null }));
    expect(named({ is: true })).not.toBe(named({ is: false }));
  });
});
