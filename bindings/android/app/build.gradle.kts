plugins {
    id("com.android.application")
    id("org.jetbrains.kotlin.android")
}

/** The version of the library is that of the workspace. */
val library = rootDir.resolve("../../Cargo.toml").readLines().first { it.startsWith("version = ") }.split('"')[1]

android {
    namespace = "vn.bienban.sample"
    compileSdk = 36

    defaultConfig {
        applicationId = "vn.bienban.sample"
        minSdk = 26
        targetSdk = 36
        versionCode = 1
        versionName = library
    }
    buildTypes {
        // What is shipped is shrunk: it has to be tried so, because native code finds classes by their names.
        release {
            isMinifyEnabled = true
            isShrinkResources = true
            proguardFiles(getDefaultProguardFile("proguard-android-optimize.txt"))
            signingConfig = signingConfigs.getByName("debug")
        }
    }
    compileOptions {
        sourceCompatibility = JavaVersion.VERSION_17
        targetCompatibility = JavaVersion.VERSION_17
    }
    sourceSets.getByName("main") {
        kotlin.srcDirs("src/main/kotlin", "src/logic/kotlin")
    }
}

kotlin {
    compilerOptions {
        jvmTarget.set(org.jetbrains.kotlin.gradle.dsl.JvmTarget.JVM_17)
    }
}

dependencies {
    implementation("vn.bienban:bienban:$library")
    implementation("org.jetbrains.kotlinx:kotlinx-coroutines-android:1.10.2")
}
