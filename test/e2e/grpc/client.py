"""A client of the gRPC services in another language, made of the published field tables alone: no .proto file, no generated code.

Needs the packages grpcio and protobuf, and a running shop: python client.py 127.0.0.1:5000
Ends with status 0 when every step answered as promised.
"""

import datetime
import sys
import uuid

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

INT32 = descriptor_pb2.FieldDescriptorProto.TYPE_INT32
STRING = descriptor_pb2.FieldDescriptorProto.TYPE_STRING
BOOL = descriptor_pb2.FieldDescriptorProto.TYPE_BOOL
MESSAGE = descriptor_pb2.FieldDescriptorProto.TYPE_MESSAGE

COUPON = "id:i name type:i count:i startDate endDate expireMinute:i discountType:i discountAmount:i createdAt updatedAt deletedAt"
CREATION = "name type:i count:i startDate endDate expireMinute:i discountType:i discountAmount:i"
STORAGE = "id:i userId couponId:i couponNumber:i productId giveDate usedDate expireDate createdAt updatedAt deletedAt Coupons:Coupon"

TABLES = {
    "coupon": {
        "FindAllQuery": "",
        "Coupon": COUPON + " couponsStock:i",
        "Coupons": "coupons:Coupon*",
        "CreateCoupon": CREATION,
    },
    "user_coupon": {
        "GiveCoupon": "userId couponId:i",
        "GiveCouponRes": "isReceived:b",
        "FindAllQuery": "userId take:i",
        "UseUserCoupon": "id:i userId couponId:i productId",
        "Coupon": COUPON,
        "UserCouponStorage": STORAGE,
        "userCouponStorages": "userCouponStorages:UserCouponStorage*",
    },
}


def messages():
    pool = descriptor_pool.DescriptorPool()
    for package, tables in TABLES.items():
        file = descriptor_pb2.FileDescriptorProto(name=package + ".tables", package=package, syntax="proto3")
        for name, table in tables.items():
            message = file.message_type.add(name=name)
            for number, entry in enumerate(table.split(), start=1):
                field, _, kind = entry.partition(":")
                added = message.field.add(name=field, number=number, label=3 if kind.endswith("*") else 1)
                added.type = {"": STRING, "i": INT32, "b": BOOL}.get(kind, MESSAGE)
                if added.type == MESSAGE:
                    added.type_name = "." + package + "." + kind.rstrip("*")
        pool.Add(file)
    return lambda name: message_factory.GetMessageClass(pool.FindMessageTypeByName(name))


def main(address):
    of = messages()
    channel = grpc.insecure_channel(address)

    def unary(path, asked, answered, **members):
        call = channel.unary_unary(path, of(asked).SerializeToString, of(answered).FromString)
        return call(of(asked)(**members), timeout=20)

    def stream(path, asked, answered, **members):
        call = channel.unary_stream(path, of(asked).SerializeToString, of(answered).FromString)
        received = list(call(of(asked)(**members), timeout=20))
        assert len(received) == 1, received
        return received[0]

    now = datetime.datetime.now(datetime.timezone.utc)
    wished = dict(name="파이썬", type=1, count=1, expireMinute=60, discountType=2, discountAmount=500)
    dates = dict(startDate=now.isoformat(timespec="milliseconds"), endDate=(now + datetime.timedelta(days=1)).isoformat(timespec="milliseconds"))
    coupon = unary("/coupon.CouponService/Create", "coupon.CreateCoupon", "coupon.Coupon", **wished, **dates)
    assert {name: getattr(coupon, name) for name in wished} == wished, coupon
    assert coupon.startDate.endswith("GMT+0900 (대한민국 표준시)"), coupon.startDate

    listed = stream("/coupon.CouponService/FindAll", "coupon.FindAllQuery", "coupon.Coupons").coupons
    assert coupon.id in [one.id for one in listed]

    user = "python-" + uuid.uuid4().hex
    give = ("/user_coupon.UserCouponService/Give", "user_coupon.GiveCoupon", "user_coupon.GiveCouponRes")
    assert unary(*give, userId=user, couponId=coupon.id).isReceived
    try:
        unary(*give, userId=user + "2", couponId=coupon.id)
        raise AssertionError("the second was given as well")
    except grpc.RpcError as error:
        assert (error.code(), error.details()) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "재고가 없습니다."), error

    find = ("/user_coupon.UserCouponService/FindAll", "user_coupon.FindAllQuery", "user_coupon.userCouponStorages")
    (row,) = stream(*find, userId=user, take=10).userCouponStorages
    assert (row.userId, row.couponId, row.couponNumber, row.Coupons.name) == (user, coupon.id, 1, "파이썬"), row
    use = ("/user_coupon.UserCouponService/Use", "user_coupon.UseUserCoupon", "user_coupon.UserCouponStorage")
    used = unary(*use, id=row.id, userId=user, couponId=coupon.id, productId="p1")
    assert used.productId == "p1" and used.usedDate != "", used
    print("all as promised")


if __name__ == "__main__":
    main(sys.argv[1])
