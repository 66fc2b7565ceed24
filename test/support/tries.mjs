import { jest } from '@jest/globals';

// Limits of the shop itself (answers within 5 s, nothing taken by a process that is late) are no fault of a test on a machine that is
// busy with others' work. Where TEST_RETRIES says so, a test that failed is tried again, and what made it fail is shown.
const retries = Number(process.env.TEST_RETRIES ?? 0);
if (retries > 0) jest.retryTimes(retries, { logErrorsBeforeRetry: true });
