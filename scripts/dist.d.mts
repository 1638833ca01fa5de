export declare const root: string;
export declare const dist: string;
export declare const web: string;
export declare const webDist: string;
export declare const webRecord: string;
export declare function isWebFresh(): Promise<boolean>;
