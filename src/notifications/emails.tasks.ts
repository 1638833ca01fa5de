import type { Task } from '../db/jobs.ts';
import type { DeliveryService } from './delivery.service.ts';
import { parseSendEmail, SEND_EMAIL } from './send.ts';

/** The tasks of email jobs. */
export function emailTasks(delivery: DeliveryService): readonly Task[] {
  return [{ name: SEND_EMAIL, run: (payload) => delivery.deliver(parseSendEmail(payload)) }];
}
