// Published signature vectors, as data: NetSuite help section_1534941088,
// section_157652390285, section_157652573296, and the public test suites that
// `src` names. All were computed anew by an independent program.
#ifndef KEYTURN_TESTS_UPSTREAM_NETSUITE_VECTORS_H_
#define KEYTURN_TESTS_UPSTREAM_NETSUITE_VECTORS_H_

namespace keyturn::netsuite {

// clang-format off
inline constexpr char kVectors[] = R"json({
 "http": [
  {"id":"V1","src":"D:section_1534941088","method":"POST","url":"https://123456.restlets.api.netsuite.com/app/site/hosting/restlet.nl?script=6&deploy=1&customParam=someValue&testParam=someOtherValue",
   "consumer_key":"ef40afdd8abaac111b13825dd5e5e2ddddb44f86d5a0dd6dcf38c20aae6b67e4","consumer_secret":"d26ad321a4b2f23b0741c8d38392ce01c3e23e109df6c96eac6d099e9ab9e8b5","token":"2b0ce516420110bcbd36b69e99196d1b7f6de3c6234c5afb799b73d87569f5cc","token_secret":"c29a677df7d5439a458c063654187e3d678d73aca8e3c9d8bea1478a3eb0d295","nonce":"fjaLirsIcCGVZWzBX0pg","timestamp":"1508242306","version":"1.0","extra":{},"signature":"+KK4SKNgz4ZiILGLwOMtfYlgcXSy1eis8ldE9X90azQ="},
  {"id":"V1b","src":"LedgerSync/ledger_sync-netsuite spec","method":"POST","url":"https://1234567.restlets.api.netsuite.com/app/site/hosting/restlet.nl?script=6&deploy=1&customParam=someValue&testParam=someOtherValue",
   "consumer_key":"ef40afdd8abaac111b13825dd5e5e2ddddb44f86d5a0dd6dcf38c20aae6b67e4","consumer_secret":"d26ad321a4b2f23b0741c8d38392ce01c3e23e109df6c96eac6d099e9ab9e8b5","token":"2b0ce516420110bcbd36b69e99196d1b7f6de3c6234c5afb799b73d87569f5cc","token_secret":"c29a677df7d5439a458c063654187e3d678d73aca8e3c9d8bea1478a3eb0d295","nonce":"fjaLirsIcCGVZWzBX0pg","timestamp":"1508242306","version":"1.0","extra":{},"signature":"i7MEtGwhCTIZbTsTrNGw9LdcERn4wsjt5C7TxmKWIfU="},
  {"id":"V2","src":"D:section_1534941088","method":"GET","url":"https://123456.suitetalk.api.netsuite.com/services/rest/record/v1/employee/40",
   "consumer_key":"ef40afdd8abaac111b13825dd5e5e2ddddb44f86d5a0dd6dcf38c20aae6b67e4","consumer_secret":"d26ad321a4b2f23b0741c8d38392ce01c3e23e109df6c96eac6d099e9ab9e8b5","token":"2b0ce516420110bcbd36b69e99196d1b7f6de3c6234c5afb799b73d87569f5cc","token_secret":"c29a677df7d5439a458c063654187e3d678d73aca8e3c9d8bea1478a3eb0d295","nonce":"fjaLirsIcCGVZWzBX0pg","timestamp":"1508242306","version":"1.0","extra":{},"signature":"B5OIWznZ2YP0OB7VrJrGkYsTh+8H+5T9Hag+o92q0zY="},
  {"id":"V4","src":"D:section_157652390285 (requesttoken with role)","method":"POST","url":"https://1234567.restlets.api.netsuite.com/rest/requesttoken",
   "consumer_key":"60712990bc09623786e7047c226bcb3f86d49dca0b04efc21001dc76d97a81f5","consumer_secret":"60712990bc09623786e7047c226bcb3f86d49dca0b04efc21001dc76d97a81f5","token":null,"token_secret":"","nonce":"bUvpxBX93OWo0FLswq5M","timestamp":"1575998103","version":"1.0","extra":{"oauth_callback":"https://my.example.com/TBA/?callbackRequest","role":"45678"},"signature":"7kgwwmiAylqeMdHjCBnIUUW+drDrGCbZGBkuCt39J90="},
  {"id":"V4b","src":"cloudextend/contrib-netsuite-servicemgr RequestTokenSignatureAlgorithmTests.cs (no role)","method":"POST","url":"https://1234567.restlets.api.netsuite.com/rest/requesttoken",
   "consumer_key":"60712990bc09623786e7047c226bcb3f86d49dca0b04efc21001dc76d97a81f5","consumer_secret":"60712990bc09623786e7047c226bcb3f86d49dca0b04efc21001dc76d97a81f5","token":null,"token_secret":"","nonce":"bUvpxBX93OWo0FLswq5M","timestamp":"1575998103","version":"1.0","extra":{"oauth_callback":"https://my.example.com/TBA/?callbackRequest"},"signature":"KPBoxLKj2sTc+7dmTT9K2dsVnK5r7n5/RopNeuZrn70="},
  {"id":"V5","src":"D:section_157652573296 (accesstoken)","method":"POST","url":"https://1234567.restlets.api.netsuite.com/rest/accesstoken",
   "consumer_key":"60712990bc09623786e7047c226bcb3f86d49dca0b04efc21001dc76d97a81f5","consumer_secret":"60712990bc09623786e7047c226bcb3f86d49dca0b04efc21001dc76d97a81f5","token":"447d0cba5569a2d616e32a537110bc8c10ebcf42cc1fa34d6f76d08531abc179","token_secret":"447d0cba5569a2d616e32a537110bc8c10ebcf42cc1fa34d6f76d08531abc179","nonce":"wjRgXQPWhYtKl0A7bO8Z","timestamp":"1576079512","version":"1.0","extra":{"oauth_verifier":"3eff1ae4de6f924014b88e489a41e88da8ed1ba8bd5ad7684a71579d7e97f4ee"},"signature":"BBzawyjesZyFrwBjUAJfBsPDDGUY2FRdp3k4NwGDAO0="},
  {"id":"V6","src":"cloudextend/contrib-netsuite-servicemgr RevokeTokenSignatureAlgorithmTests.cs","method":"GET","url":"https://1234567.restlets.api.netsuite.com/rest/revoketoken?consumerKey=60712990bc09623786e7047c226bcb3f86d49dca0b04efc21001dc76d97a81f5&token=447d0cba5569a2d616e32a537110bc8c10ebcf42cc1fa34d6f76d08531abc179",
   "consumer_key":"60712990bc09623786e7047c226bcb3f86d49dca0b04efc21001dc76d97a81f5","consumer_secret":"bd47b9c7e990a4f209db0217c023d0ba2274aafa7183f2cc310fff8bf24335b8","token":"447d0cba5569a2d616e32a537110bc8c10ebcf42cc1fa34d6f76d08531abc179","token_secret":"f4ae9dbe08acf7105db4d829391de42f387d1a8d6ddc2b41827ce142445445c1","nonce":"wjRgXQPWhYtKl0A7bO8Z","timestamp":"1576079512","version":"1.0","extra":{},"signature":"IQwMGWzHT+N+h+AlakCKto0FMhx9j53kL713Xijl9Io="},
  {"id":"V7","src":"cloudextend/contrib-netsuite-servicemgr REST tests; realm sent is TSTDRV12345","method":"GET","url":"https://tstdrv12345.restlets.api.netsuite.com/app/site/hosting/restlet.nl?script=custscript1&deploy=custdeploy1",
   "consumer_key":"dpf43f3p2l4k3l03","consumer_secret":"kd94hf93k423kf44","token":"nnch734d00sl2jdk","token_secret":"pfkkdhi9sl3r4s00","nonce":"tUoTBMCLMiW","timestamp":"1594207766","version":"1.0","extra":{},"signature":"QqWfhrLQOlRFKR69DqenrtLaCVWuSzKklotUVWD3I04="},
  {"id":"V8a","src":"public code","method":"POST","url":"https://1234567-sb1.restlets.api.netsuite.com/rest/requesttoken",
   "consumer_key":"consumerkey123","consumer_secret":"consumersecret789","token":null,"token_secret":"","nonce":"ABCDEFGHIJKLMNOPQRST","timestamp":"1700000000","version":"1.0","extra":{"oauth_callback":"https://localhost:8899/callback"},"signature":"5sgbCQr3mRLrl1Jgmkg/UnNLwzGofJ5jkktNvRVQlYE="},
  {"id":"V8b","src":"public code","method":"POST","url":"https://1234567-sb1.restlets.api.netsuite.com/rest/accesstoken",
   "consumer_key":"consumerkey123","consumer_secret":"consumersecret789","token":"reqtoken111","token_secret":"reqtokensecret333","nonce":"ABCDEFGHIJKLMNOPQRST","timestamp":"1700000000","version":"1.0","extra":{"oauth_verifier":"verifier222"},"signature":"lH8IsRMocNRdk2TflE43sLDNU0MYzbberQZJgokyLKI="}
 ],
 "soap": [
  {"id":"V3","src":"D:section_1534941088","account":"123456","consumer_key":"ef40afdd8abaac111b13825dd5e5e2ddddb44f86d5a0dd6dcf38c20aae6b67e4","consumer_secret":"d26ad321a4b2f23b0741c8d38392ce01c3e23e109df6c96eac6d099e9ab9e8b5","token":"2b0ce516420110bcbd36b69e99196d1b7f6de3c6234c5afb799b73d87569f5cc","token_secret":"c29a677df7d5439a458c063654187e3d678d73aca8e3c9d8bea1478a3eb0d295","nonce":"fjaLirsIcCGVZWzBX0pg","timestamp":"1508242306","signature":"tIcC5zyKUmycB5Ml/cNxOHDusw03Y5KPQiXVNUHHp4U="},
  {"id":"V8c","src":"public code","account":"1234567_SB1","consumer_key":"consumerkey123","consumer_secret":"consumersecret789","token":"tokenid456","token_secret":"tokensecret012","nonce":"ABCDEFGHIJKLMNOPQRST","timestamp":"1700000000","signature":"8VL7CiUwRAgjw1e1P/e6GkZsWf1Bmc6T3J+DXl7WLc0="}
 ],
 "encode": [
  {"id":"V9a","src":"public code","in":"!*'() /\u00e9","out":"%21%2A%27%28%29%20%2F%C3%A9"},
  {"id":"V9b","src":"RFC 3986","in":"sp ace+plus","out":"sp%20ace%2Bplus"}
 ],
 "nlauth": [
  {"id":"V10","src":"cloudextend/contrib-netsuite-servicemgr tests","account":"123456","email":"jsmith+1@example.com","password":"du%my p@$$word#","role":"37",
   "header":"NLAuth nlauth_account=123456, nlauth_email=jsmith%2B1%40example.com, nlauth_signature=du%25my%20p%40%24%24word%23, nlauth_role=37"}
 ]
})json";

// Of V2.
inline constexpr char kBaseStringOfV2[] =
    "GET&https%3A%2F%2F123456.suitetalk.api.netsuite.com%2Fservices%2Frest%2Frecord%2Fv1%2Femployee%2F40&oauth_consumer_key%3Def40afdd8abaac111b13825dd5e5e2ddddb44f86d5a0dd6dcf38c20aae6b67e4%26oauth_nonce%3DfjaLirsIcCGVZWzBX0pg%26oauth_signature_method%3DHMAC-SHA256%26oauth_timestamp%3D1508242306%26oauth_token%3D2b0ce516420110bcbd36b69e99196d1b7f6de3c6234c5afb799b73d87569f5cc%26oauth_version%3D1.0";
// clang-format on

}  // namespace keyturn::netsuite

#endif  // KEYTURN_TESTS_UPSTREAM_NETSUITE_VECTORS_H_
