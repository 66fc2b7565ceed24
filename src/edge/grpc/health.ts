import { HealthImplementation, type ServingStatus } from 'grpc-health-check';
import type { HealthChecks } from '../../platform/http.ts';
import { SERVICES } from './contract.ts';

/** Milliseconds between two looks, and that one look may take. */
const LOOK_EVERY_MS = 1_000;
const LOOK_MS_MAX = 2_000;

/** The server as a whole is the service without a name. */
const NAMES = ['', ...SERVICES];

/** The standard health service (`grpc.health.v1`): SERVING as long as all checks pass. */
export class HealthService {
  readonly service = new HealthImplementation(Object.fromEntries(NAMES.map((name) => [name, 'NOT_SERVING' as const])));
  private readonly checks: HealthChecks;
  private timer: NodeJS.Timeout | null = null;
  private stopped: boolean = false;

  constructor(checks: HealthChecks) {
    this.checks = checks;
  }

  /** Looks once, and then again and again. */
  async start(): Promise<void> {
    const passes = await this.passes();
    if (this.stopped) return;
    this.tell(passes ? 'SERVING' : 'NOT_SERVING');
    this.timer = setTimeout(() => void this.start(), LOOK_EVERY_MS);
  }

  stop(): void {
    this.stopped = true;
    if (this.timer) clearTimeout(this.timer);
    this.tell('NOT_SERVING');
  }

  private tell(serving: ServingStatus): void {
    for (const name of NAMES) this.service.setStatus(name, serving);
  }

  private async passes(): Promise<boolean> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<boolean>((resolve) => {
      timer = setTimeout(() => resolve(false), LOOK_MS_MAX);
    });
    const all = Promise.all(Object.values(this.checks).map(async (check) => check())).then(
      () => true,
      () => false,
    );
    try {
      return await Promise.race([all, late]);
    } finally {
      clearTimeout(timer);
    }
  }
}
