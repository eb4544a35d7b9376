import { useQuery } from '@tanstack/react-query';
import { useEffect, useMemo, useRef, useState } from 'react';
import { audioOf } from '../audio-shelf.ts';
import { hrefOf } from '../route.ts';
import { useSettings } from '../settings.tsx';
import { plainName } from '../ui/format.ts';
import { Fault, Loading } from '../ui/pieces.tsx';
import { TranscriptEditor } from './transcript-editor.tsx';
import { TranscriptEdits } from './edits.ts';

/** The transcript of a finished job, with its sound where this browser has it. */
export function TranscriptView({ id }: { readonly id: string }) {
  const { texts, client } = useSettings();
  const job = useQuery({ queryKey: ['job', id], queryFn: ({ signal }) => client.jobs.get(id, { signal }) });
  const transcript = useQuery({
    queryKey: ['transcript', id],
    queryFn: ({ signal }) => client.jobs.transcript(id, 'json', { signal }),
    staleTime: Infinity,
  });
  const [file, setFile] = useState<Blob | null>(null);
  const audio = useRef<HTMLAudioElement | null>(null);
  useEffect(() => {
    let isHere = true;
    void audioOf(id).then((kept) => {
      if (isHere && kept !== null) setFile(kept);
    });
    return () => {
      isHere = false;
    };
  }, [id]);
  const { data } = transcript;
  const edits = useMemo(() => (data === undefined ? null : new TranscriptEdits(id, data)), [id, data]);
  if (transcript.isError) return <Fault error={transcript.error} retry={() => void transcript.refetch()} />;
  if (data === undefined || edits === null) return <Loading />;
  return (
    <>
      <p className="mb-2">
        <a className="link" href={hrefOf('jobs', id)}>
          {texts.jobs.job}
        </a>
      </p>
      <TranscriptEditor
        id={id}
        name={typeof job.data?.metadata?.['name'] === 'string' ? plainName(job.data.metadata['name']) : null}
        transcript={data}
        edits={edits}
        file={file}
        audio={audio}
        onFile={setFile}
      />
    </>
  );
}
