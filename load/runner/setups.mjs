/** What a scenario needs beside its script, unless the command line says otherwise; seconds at full scale. */
const setups = {
  'two-processes': { commandApis: 2 },
  'fault-redis': { servers: ['redis'], outages: [{ server: 'redis', how: 'stop', seconds: 60, lasting: 15 }] },
  'fault-queue': { servers: ['kafka'], outages: [{ server: 'kafka', how: 'stop', seconds: 60, lasting: 15 }] },
};

/** The options of the command line, completed by what the scenario needs; `up` = options of `till up`. */
export const setupOf = (options) => {
  const { servers = [], outages = [], commandApis } = setups[options.subject.replace(/\.ts$/, '')] ?? {};
  const scale = Number(options.env.SCALE ?? '1');
  const scaled = outages.map((outage) => ({ ...outage, seconds: outage.seconds * scale, lasting: outage.lasting * scale }));
  const apis = options['command-apis'] ?? commandApis;
  return {
    ...options,
    servers: [...new Set([...servers, ...options.servers])],
    outages: options.outages.length > 0 ? options.outages : scaled,
    up: apis === undefined ? [] : ['--command-apis', String(apis)],
  };
};
