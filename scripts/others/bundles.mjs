// Reads cases, one JSON object a line: `key`, a public key as PEM, and `document`, a Sigstore bundle. Writes a line for each: `accepted`
// where @sigstore/verify accepts the bundle from that key alone, `refused: WHY` where it refuses it. Another error ends the program.
import { createHash, createPublicKey } from 'node:crypto';
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';

// The packages are in the folder in which this is run.
const require = createRequire(`${process.cwd()}/`);
const { bundleFromJSON } = require('@sigstore/bundle');
const { toSignedEntity, toTrustMaterial, VerificationError, Verifier } = require('@sigstore/verify');

const nobody = { certificateAuthorities: [], timestampAuthorities: [], tlogs: [], ctlogs: [] };
const keyAlone = { ctlogThreshold: 0, tlogThreshold: 0, timestampThreshold: 0 };

for await (const line of createInterface({ input: process.stdin, crlfDelay: Infinity })) {
    const { key, document } = JSON.parse(line);
    const rawBytes = createPublicKey(key).export({ type: 'spki', format: 'der' });
    const hint = createHash('sha256').update(rawBytes).digest('base64');
    const verifier = new Verifier(toTrustMaterial(nobody, { [hint]: { rawBytes } }), keyAlone);
    try {
        verifier.verify(toSignedEntity(bundleFromJSON(document)));
        console.log('accepted');
    } catch (error) {
        if (!(error instanceof VerificationError)) throw error;
        console.log(`refused: ${error.message}`);
    }
}
