package android.security.keystore;

/** Stands in for Android's class: what the tests' own provider needs to know of a key. */
public final class KeyGenParameterSpec implements java.security.spec.AlgorithmParameterSpec {
    private final String alias;
    private final int bits;

    private KeyGenParameterSpec(String alias, int bits) {
        this.alias = alias;
        this.bits = bits;
    }

    public String getKeystoreAlias() {
        return alias;
    }

    public int getKeySize() {
        return bits;
    }

    public static final class Builder {
        private final String alias;
        private int bits;

        public Builder(String alias, int purposes) {
            this.alias = alias;
        }

        public Builder setBlockModes(String... modes) {
            return this;
        }

        public Builder setEncryptionPaddings(String... paddings) {
            return this;
        }

        public Builder setKeySize(int bits) {
            this.bits = bits;
            return this;
        }

        public KeyGenParameterSpec build() {
            return new KeyGenParameterSpec(alias, bits);
        }
    }
}
