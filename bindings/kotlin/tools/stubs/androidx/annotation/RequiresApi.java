package androidx.annotation;

/** Stands in for AndroidX's annotation. */
public @interface RequiresApi {
    int value() default 1;

    int api() default 1;
}
