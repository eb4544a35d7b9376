/** Element types of weights; `auto` is what suits the device. */
export type Dtype = 'auto' | 'fp32' | 'fp16' | 'int8';
