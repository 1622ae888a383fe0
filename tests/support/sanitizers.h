/* Which sanitizer the tests are built with. A test that leaves something out for one of them says here what finds it
 * instead: the builds without sanitizers leave out nothing. */
#ifndef WEFT_TESTS_SUPPORT_SANITIZERS_H
#define WEFT_TESTS_SUPPORT_SANITIZERS_H

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WEFT_TEST_ADDRESS_SANITIZER 1
#endif
#if __has_feature(thread_sanitizer)
#define WEFT_TEST_THREAD_SANITIZER 1
#endif
#endif
#ifndef WEFT_TEST_ADDRESS_SANITIZER
#define WEFT_TEST_ADDRESS_SANITIZER 0
#endif
#ifndef WEFT_TEST_THREAD_SANITIZER
#define WEFT_TEST_THREAD_SANITIZER 0
#endif

#endif
