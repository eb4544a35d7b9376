import type { Intake } from '@murmuration/transcribe';
import type { Metrics } from '@murmuration/runtime';
import { leaveAlone } from '@murmuration/contracts/left-alone';

/** Has the gauges of the queue tell what waits and is in work in the whole cluster. While Redis is away they tell nothing: a wrong figure would scale workers. */
export function observeQueue(metrics: Metrics, intake: Pick<Intake, 'backlog'>): void {
  metrics.onQueueCollect(async () => {
    const backlogs = await intake.backlog().catch(leaveAlone('shown_without', []));
    metrics.queueJobs.reset();
    metrics.queueBacklogAudioSeconds.reset();
    for (const { slug, audioSeconds, waiting, active } of backlogs) {
      metrics.queueBacklogAudioSeconds.set({ model: slug }, audioSeconds);
      metrics.queueJobs.set({ model: slug, state: 'waiting' }, waiting);
      metrics.queueJobs.set({ model: slug, state: 'active' }, active);
    }
  });
}
